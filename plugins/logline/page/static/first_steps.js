// What stands in place of the key figures as long as there is no summarised day.

import { dagLink, element, empty } from "./elements.js?v=VERSION";

// `data` is undefined where it could not be asked for, null before the tables are there.
export function firstSteps({ data, notice }) {
  if (data === undefined) return empty(notice);
  return element("div", { class: "steps" }, element("p", {}, "No day has been summarised yet. What brings the first:"),
    element("ol", {},
      data === null ? element("li", {}, "Trigger ", dagLink("provision"), " once: it makes the bucket, the dataset and its tables.") : null,
      element("li", {}, "Bring log files: ", element("code", {}, "logline load access.log --backfill"), ", or put them into the bucket and trigger ", dagLink("log_backfill"), "."),
      element("li", {}, "Wait for ", dagLink("daily_summary"), ": it starts by itself, and this page shows each day that it has built.")));
}
