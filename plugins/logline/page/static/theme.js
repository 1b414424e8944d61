// Light or dark as Airflow's own pages are: its choice is in the local storage of this origin, "system" where none was made.

const SYSTEM = window.matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  const choice = window.localStorage.getItem("theme");
  if (choice === "light" || choice === "dark") return choice;
  return SYSTEM.matches ? "dark" : "light";
}

export function followTheme(changed) {
  const apply = () => {
    document.documentElement.dataset.theme = chosen();
    changed();
  };
  window.addEventListener("storage", apply);
  SYSTEM.addEventListener("change", apply);
  apply();
}
