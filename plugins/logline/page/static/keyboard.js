// Keys, the same as the dialog lists them.

import { element } from "./elements.js?v=VERSION";

const KEYS = [
  ["1 … 7", "show a view"], ["← →", "a period back or forward"], ["d w m q y", "a day, a week, 30 days, 90 days, a year"],
  ["/", "search in the first table"], ["r", "ask again now"], ["?", "these keys"], ["Esc", "close"],
];

// The button of a closed dialog keeps the focus until the next frame, so a key may still come from it.
const TAKE_KEYS = "input, select, textarea, dialog[open]";

export function listen(actions) {
  const dialog = document.getElementById("keys");
  dialog.replaceChildren(
    element("h2", { id: "keys-title" }, "Keyboard"),
    element("dl", { class: "keys" }, KEYS.map(([key, what]) => element("div", {}, element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)))),
    element("form", { method: "dialog" }, element("button", { autofocus: true }, "Close")),
  );
  dialog.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); dialog.close(); });
  document.getElementById("help").addEventListener("click", () => dialog.showModal());
  const periods = { d: "1", w: "7", m: "30", q: "90", y: "366" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TAKE_KEYS)) return;
    if (/^[1-7]$/.test(event.key)) actions.view(Number(event.key) - 1);
    else if (event.key in periods) actions.choose({ days: periods[event.key] });
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (event.target.closest(".scroll")) return;
      actions.move(event.key === "ArrowLeft" ? -1 : 1);
    } else if (event.key === "r") actions.refresh();
    else if (event.key === "/") document.querySelector("main input[type=search]")?.focus();
    else if (event.key === "?") dialog.showModal();
    else return;
    event.preventDefault();
  });
}
