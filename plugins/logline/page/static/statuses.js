// Classes of HTTP statuses, with their tones.

export const CLASSES = [["2xx", "good"], ["3xx", "calm"], ["4xx", "warn"], ["5xx", "bad"], ["other", "muted"]];

const NAMES = new Map(CLASSES.map(([name]) => [name[0], name]));

export function classOf(status) {
  return NAMES.get(String(status)[0]) ?? "other";
}

// What the commonest say, see RFC 9110; 499 is nginx's for a client that has left.
export const MEANINGS = {
  200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified",
  307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
  405: "Method Not Allowed", 408: "Request Timeout", 410: "Gone", 413: "Content Too Large", 416: "Range Not Satisfiable",
  429: "Too Many Requests", 444: "closed without an answer (nginx)", 499: "the client left (nginx)", 500: "Internal Server Error",
  501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
};
