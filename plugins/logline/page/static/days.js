// Days as text, YYYY-MM-DD, and periods of them.

const DAY_MS = 86_400_000;

export function plus(day, days) {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

export function today() {
  return new Date().toISOString().slice(0, 10);
}

export function list(firstDay, lastDay) {
  const days = [];
  for (let day = firstDay; day <= lastDay; day = plus(day, 1)) days.push(day);
  return days;
}

export function toSeconds(day) {
  return Date.parse(day) / 1000;
}

// The period that ends on a day, and the one it is compared with: as many days, whole weeks before.
export function periods(lastDay, days) {
  const firstDay = plus(lastDay, 1 - days);
  const back = -7 * Math.ceil(days / 7);
  return { now: { first: firstDay, last: lastDay }, before: { first: plus(firstDay, back), last: plus(lastDay, back) } };
}

// The newest day that is over; today only where there is no other.
export function newestWhole(summarised) {
  return summarised.find((day) => day < today()) ?? summarised[0] ?? null;
}
