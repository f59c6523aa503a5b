"""`artfp sign`: keys that sign results, and signatures on them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from artfp.artefacts import LIST, read_list
from artfp.cli.console import PATH, command_errors, err, json_option, out, print_json, warn
from artfp.errors import BadInputError, Exit, UsageError
from artfp.files import check_new_file, write_json

if TYPE_CHECKING:
    from artfp.keys.signing import Signer

PASSPHRASE_AT = "ARTFP_SIGN_PASSPHRASE"  # noqa: S105 - where it is, not what it is
FILE = click.Path(path_type=Path, dir_okay=False)
sign_option = click.option(
    "--sign",
    "signing_key",
    type=FILE,
    metavar="KEY",
    help="Sign the JSON with this private key (`artfp sign new-key`).",
)


def signer_of(path: Path) -> Signer:
    """The private key in a file, whose passphrase is asked for where it has one; tells if others can read it."""
    from artfp.keys.signing import has_passphrase, is_open_to_others, load_signer

    found = load_signer(path, _passphrase(path) if has_passphrase(path) else None)
    if is_open_to_others(path):
        warn(f"{path}: other users can read this private key (chmod 600 closes it); they may sign in its owner's name")
    return found


def _passphrase(path: Path) -> str:
    if known := os.environ.get(PASSPHRASE_AT):
        return known
    if not (sys.stdin.isatty() and err.is_terminal):
        raise UsageError(f"{path}: has a passphrase; put it into {PASSPHRASE_AT}")
    return str(click.prompt(f"Passphrase of {path}", hide_input=True, err=True))


def signed_by(signer: Signer, document: dict[str, Any]) -> dict[str, Any]:
    """The document with a signature."""
    from artfp.keys.signing import signed

    return signed(document, signer)


@click.group()
def sign() -> None:
    """Signatures on verdicts and on lists of files: Ed25519, checked offline by whoever has the public key.

    A signature says that whoever holds the private key signed just this content. Needs pip install 'artfp[sign]'.
    """


@sign.command("new-key")
@click.argument("file", type=FILE)
@click.option("--passphrase", is_flag=True, help=f"Ask for a passphrase, or take it from {PASSPHRASE_AT}.")
@json_option
@command_errors
def new_key(file: Path, passphrase: bool, as_json: bool) -> None:
    """Make a key that signs: a private FILE (PEM), and its public half beside it as FILE.pub.pem, to be published."""
    from artfp.keys.signing import new_key as make
    from artfp.keys.signing import public_path

    secret = None
    if passphrase:
        secret = os.environ.get(PASSPHRASE_AT) or click.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    fingerprint = make(file, secret)
    if as_json:
        print_json({"private": str(file), "public": str(public_path(file)), "fingerprint": fingerprint})
    else:
        out.print(f"{public_path(file)}  fingerprint {fingerprint}", markup=False)


@sign.command()
@click.argument("path", type=PATH)
@click.option("--key", "key", type=FILE, required=True, help="The private key.")
@click.option("--out", "target", type=FILE, help="Write the signed document to this new file, instead of into its own.")
@command_errors
def document(path: Path, key: Path, target: Path | None) -> None:
    """Sign the JSON document PATH: a verdict, or with a folder its list of files, and so all of them.

    A folder is audited first, and not signed where something is broken. An earlier signature is replaced. A document
    that a list names is not signed itself, which would change its bytes: sign the list, or write to --out.
    """
    if target:
        check_new_file(target)
    signer = signer_of(key)
    found = _sound(path)
    path = path / LIST if path.is_dir() else path
    if not target and (folder := _listed_in(path)):
        raise UsageError(f"{path}: is on the list of {folder}: sign that folder, or write the signed document to --out")
    write_json(target or path, signed_by(signer, found), mode=stat.S_IMODE(path.stat().st_mode))
    out.print(f"{target or path}  signed by {signer.fingerprint}", markup=False)


def _sound(path: Path) -> dict[str, Any]:
    """The document to be signed; nobody signs what an audit finds broken."""
    from artfp.audit.kinds import audit
    from artfp.seals import broken_seal, is_sealed, parsed, sealed

    file = path / LIST if path.is_dir() else path
    found = parsed(_bytes(file), file)
    broken = [each for each in audit(path).findings if each.state == "broken"] if path.is_dir() else []
    why = broken_seal(found) if is_sealed(found) else None
    if broken or why:
        raise BadInputError(f"{file}: {why or f'{len(broken):,} broken, see `artfp audit {path}`'}; it is not signed")
    return found if is_sealed(found) else sealed(found)


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a folder of results has a list once it is finished")
    return path.read_bytes()


def _listed_in(path: Path) -> Path | None:
    """The folder whose list names a file."""
    for folder in path.absolute().parents:
        listed = read_list(folder)
        if listed and path.absolute().relative_to(folder).as_posix() in listed["files"]:
            return folder
    return None


@sign.command()
@click.argument("path", type=PATH)
@click.option("--public-key", type=FILE, required=True, help="The public key of who should have signed it (PEM).")
@json_option
@command_errors
def check(path: Path, public_key: Path, as_json: bool) -> None:
    """Check that PATH, a signed document or a folder with a signed list, says what the key's owner signed.

    Of a folder the list alone is checked; `artfp audit --public-key` checks the files on it, too. Exit codes: 0 signed
    with this key and unchanged, 1 not signed or with another key, 4 changed since, or not readable.
    """
    from artfp.keys.signing import check_signature, load_public
    from artfp.seals import broken_seal, is_sealed, parsed

    path, wanted = path / LIST if path.is_dir() else path, load_public(public_key)
    found = parsed(_bytes(path), path)
    try:
        signature = check_signature(found)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from error
    if is_sealed(found) and (why := broken_seal(found)):
        raise BadInputError(f"{path}: {why}")
    holds = signature is not None and signature.fingerprint == wanted
    signer = signature.fingerprint if signature else None
    claimed = signature.claimed_time if signature else None
    if as_json:
        print_json({"signed": holds, "signer": signer, "public_key": wanted, "claimed_time": claimed})
    elif holds:
        out.print(f"{path}: signed by {signer}, and unchanged; its signer says that it was at {claimed}", markup=False)
    else:
        out.print(f"{path}: {f'signed by {signer}, not' if signer else 'not signed'} by {wanted}", markup=False)
    sys.exit(int(Exit.OK if holds else Exit.NO_MATCH))
