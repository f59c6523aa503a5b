"""Re-checking results: every file against whatever names its hash, every link to what something was made from."""
