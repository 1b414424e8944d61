// Answers of the server: each asked for once, however many sections show it, and again after a minute.

const YOUNG_MS = 55_000;
const known = new Map();

async function ask(path, parameters) {
  const said = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  let answer;
  try {
    answer = await fetch(`api/${path}?${new URLSearchParams(said)}`, { headers: { Accept: "application/json" } });
  } catch {
    return { notice: "Airflow does not answer; trying again." };
  }
  if (answer.status === 401) return { notice: "You are logged out: log in to Airflow again." };
  if (answer.status === 403) return { notice: "You may not see the runs of the DAG this is about." };
  const body = await answer.json().catch(() => ({}));
  return answer.ok ? body : { notice: body.notice ?? `The server answered ${answer.status}.` };
}

// What was known a moment ago is better than nothing: a notice comes with the data there were.
export function fetched(path, parameters = {}) {
  const key = `${path} ${JSON.stringify(parameters)}`;
  const before = known.get(key);
  if (before && Date.now() - before.at < YOUNG_MS) return before.answer;
  const answer = ask(path, parameters).then(async (got) => {
    if (got.data !== undefined) return got;
    known.delete(key);
    return before ? { ...(await before.answer), notice: got.notice } : got;
  });
  known.set(key, { at: Date.now(), answer });
  return answer;
}

// Ask again now; the server still shares its answers for a minute.
export function forget() {
  for (const entry of known.values()) entry.at = 0;
}
