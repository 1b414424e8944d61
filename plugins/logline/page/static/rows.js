// Rows of answers, brought into the shapes of charts.

// What a sum of distinct visitors leaves open.
export const ADDED_UP = "Each day's visitors added up: who came on two days counts twice";

// The sum of a column for each day that has rows.
export function byDay(rows, name) {
  const sums = new Map();
  for (const row of rows) sums.set(row.log_date, (sums.get(row.log_date) ?? 0) + (row[name] ?? 0));
  return sums;
}

// The sum of a column for each value of another, the largest first.
export function sumBy(rows, key, name) {
  const sums = new Map();
  for (const row of rows) sums.set(key(row), (sums.get(key(row)) ?? 0) + (row[name] ?? 0));
  return [...sums].map(([value, sum]) => ({ value, sum })).sort((a, b) => b.sum - a.sum);
}
