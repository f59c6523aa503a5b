"use strict";

const LIMITS = document.body.dataset;
const MB = 1e6;
const element = id => document.getElementById(id);
let chosen = []; // of {file, picture}: what will be sent, in this order

/** An element with text and children; text never becomes markup. */
function made(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  found.append(...children);
  return found;
}

function say(words, wrong = false) {
  element("state").textContent = words;
  element("state").classList.toggle("wrong", wrong);
}

/** Take files in, once each, as far as they are pictures and fit. */
function add(files) {
  const isThere = file => chosen.some(({ file: known }) =>
    known.name === file.name && known.size === file.size && known.lastModified === file.lastModified);
  const fresh = [...files].filter(file => !isThere(file));
  const pictures = fresh.filter(file => !file.type || file.type.startsWith("image/"));
  chosen.push(...pictures.map(file => ({ file, picture: URL.createObjectURL(file) })));
  element("answer").hidden = true;
  show();
  if (pictures.length < fresh.length) say("Files that are no images were left out.", true);
}

function remove(index) {
  URL.revokeObjectURL(chosen[index].picture);
  chosen.splice(index, 1);
  show();
  (element("chosen").querySelectorAll("button")[Math.min(index, chosen.length - 1)] ?? element("files")).focus();
}

function startOver() {
  chosen.forEach(({ picture }) => URL.revokeObjectURL(picture));
  chosen = [];
  element("answer").hidden = true;
  show();
  element("files").focus();
}

function row({ file, picture }, index) {
  const size = file.size < MB / 10 ? `${Math.ceil(file.size / 1000)} kB` : `${(file.size / MB).toFixed(1)} MB`;
  const button = made("button", { type: "button", class: "remove", "aria-label": `Remove ${file.name}` }, "×");
  button.addEventListener("click", () => remove(index));
  return made("li", {}, made("img", { src: picture, alt: "" }),
    made("span", { class: "name" }, file.name, made("small", {}, size)), button);
}

/** What is wrong with the choice, or nothing. */
function problem() {
  const bytes = chosen.reduce((sum, { file }) => sum + file.size, 0);
  if (chosen.length > Number(LIMITS.images)) return `At most ${LIMITS.images} images at a time; these are ${chosen.length}.`;
  if (bytes > Number(LIMITS.bytes)) return `At most ${LIMITS.bytes / MB} MB at a time; these are ${(bytes / MB).toFixed(1)}.`;
  if (chosen.length && chosen.length < Number(LIMITS.least)) return `At least ${LIMITS.least} images are judged together.`;
  return "";
}

function show() {
  element("chosen").replaceChildren(...chosen.map(row));
  const wrong = problem();
  element("go").disabled = !chosen.length || Boolean(wrong);
  element("clear").hidden = !chosen.length;
  if (element("ways")) element("ways").hidden = chosen.length < 2;
  const count = chosen.length === 1 ? "One image" : `${chosen.length} images`;
  say(wrong || (chosen.length ? `${count} ready.` : ""), Boolean(wrong));
}

function stamp(verdict) {
  const symbol = document.querySelector(`template[data-symbol="${verdict}"]`).content.cloneNode(true);
  return made("span", { class: `stamp ${verdict.replace(" ", "-")}` }, symbol, verdict);
}

/** The chance that a random key would agree as well, as far as it is told. */
function probability({ p_above: above, p_at_most: most }) {
  const number = p => p.toFixed(6).replace(/0+$/, "");
  const bounds = [...(above === null ? [] : [`more than ${number(above)}`]), ...(most < 1 ? [`at most ${number(most)}`] : [])];
  return `p: ${bounds.join(", ")}`;
}

function heading({ verdict, key, images }) {
  if (verdict === "match") return images === 1 ? `This image carries the key ${key}` : `As a set, these images carry the key ${key}`;
  return verdict === "no match" ? "No key is proved" : "This decides neither way";
}

function whole(answer) {
  return [stamp(answer.verdict), made("h2", {}, heading(answer)), made("p", {}, answer.statement),
    made("p", { class: "p" }, probability(answer)),
    ...(answer.key ? [made("p", { class: "p" }, `Key: ${answer.key} `, made("span", { class: "hash" }, answer.key_id))] : [])];
}

function table(images) {
  const head = made("thead", {}, made("tr", {}, ...["Image", "Verdict", "Key"].map(name => made("th", { scope: "col" }, name))));
  const lines = images.map(({ name, answer }) => made("tr", {}, made("th", { scope: "row" }, name),
    made("td", {}, stamp(answer.verdict)), made("td", {}, answer.key ?? "—")));
  return [made("h3", {}, "Each by itself"),
    made("p", { class: "p" }, "Every verdict stands alone: of very many images one may match by chance."),
    made("div", { class: "scroll", role: "region", "aria-label": "Each image by itself", tabindex: "0" },
      made("table", {}, head, made("tbody", {}, ...lines)))];
}

function tell({ together, each, keys_tried: keys, fast }) {
  const single = !together && each.length === 1 ? each[0].answer : together;
  const parts = [...(single ? whole(single) : []), ...(each.length && !(single && each.length === 1) ? table(each) : []),
    made("p", { class: "quiet" }, `${keys === 1 ? "One key was" : `${keys} keys were`} tried.` +
      (fast ? " Images that were cut or turned were not looked for." : ""))];
  element("answer").replaceChildren(...parts);
  element("answer").hidden = false;
  element("answer").scrollIntoView({ block: "nearest" });
}

/** Why there is no verdict, in the server's words where it has some. */
async function refusal(response) {
  const error = (await response.json().catch(() => ({}))).error ?? { message: `the server answered ${response.status}` };
  const wait = response.headers.get("Retry-After");
  const parts = [error.message, ...(error.problems ?? []), ...(wait ? [`Try again in ${wait} s`] : [])];
  return parts.map(part => part.replace(/\.?$/, ".")).join(" ");
}

async function judge(event) {
  event.preventDefault();
  if (element("go").disabled) return;
  const form = new FormData();
  const way = document.querySelector("input[name=judge]:checked");
  form.append("judge", chosen.length > 1 && way ? way.value : "together");
  chosen.forEach(({ file }) => form.append("images", file, file.name));
  element("go").disabled = true;
  element("answer").hidden = true;
  say("Judging …");
  try {
    const response = await fetch("api/v1/verdicts", { method: "POST", body: form });
    if (response.ok) {
      tell(await response.json());
      say("");
    } else {
      say(await refusal(response), true);
    }
  } catch {
    say("The server cannot be reached.", true);
  }
  element("go").disabled = Boolean(problem());
}

function listen() {
  const drop = element("drop");
  const over = isOver => event => {
    event.preventDefault();
    drop.classList.toggle("over", isOver);
  };
  element("files").addEventListener("change", event => {
    add(event.target.files);
    event.target.value = ""; // the same file may be chosen again after it was removed
  });
  element("ask").addEventListener("submit", judge);
  element("clear").addEventListener("click", startOver);
  document.addEventListener("dragover", over(true));
  document.addEventListener("dragleave", over(false));
  document.addEventListener("drop", event => {
    over(false)(event);
    add(event.dataTransfer.files);
  });
  document.addEventListener("paste", event => {
    if (event.clipboardData.files.length) add(event.clipboardData.files);
  });
}

listen();
