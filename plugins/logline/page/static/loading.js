// A script of the page that does not come, as from a server that starts again: without a word the page would stay empty.

window.addEventListener("error", (event) => {
  if (event.target.tagName !== "SCRIPT") return;
  const said = () => { document.querySelector("#verdict .line").textContent = "A part of this page did not come. It is loaded again in 5 seconds."; };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", said);
  else said();
  window.setTimeout(() => window.location.reload(), 5000);
}, true);
