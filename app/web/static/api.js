// The REST API as functions.

/** Where a browser gives its API key; the server puts it into a cookie that scripts cannot read. */
export const SIGN_IN = "/sign-in";

const TIMEOUT_SECONDS = 15;
const MOST_RETRIES = 3;
const LONGEST_WAIT_SECONDS = 60;
const LARGEST_PAGE = 500;

/** An answer that is no success, or none at all. The message is for people. */
export class Problem extends Error {
  /** `type` names the kind of problem (RFC 9457); it is null if the answer is not one of the service, but of a proxy. */
  constructor(detail, { status = 0, type = null } = {}) {
    super(detail);
    this.status = status;
    this.type = type;
  }

  /** Whether the service says that there is no such thing. */
  get isMissing() {
    return this.status === 404 && this.type !== null;
  }

  /** Whether the service will say the same of the same request, however often it is sent. */
  get isFinal() {
    return this.type !== null && [400, 404, 409, 413, 422].includes(this.status);
  }
}

/**
 * Call the API.
 *
 * Returns the answer's JSON, null where there is none; throws Problem if the network fails or the answer is an error.
 * A service that is busy and says when to try again is asked again, a few times.
 *
 * Options: `params` of the query, `body`, `seconds` to wait for an answer, `signal` to give up,
 * and `onWait`, which is told for how many seconds a busy service is left alone, and which retry of how many follows.
 */
export async function call(method, path, options = {}) {
  return (await callTimed(method, path, options)).data;
}

/** The same, with the milliseconds that the header Server-Timing gives to adapting and ranking; null without it. */
export async function callTimed(method, path, options = {}) {
  for (let retry = 0; ; retry += 1) {
    const answer = await sendOnce(method, path, options);
    const wait = retry < MOST_RETRIES ? secondsToWait(answer) : null;
    if (wait === null) return read(answer, path);
    options.onWait?.({ seconds: wait, retry: retry + 1, of: MOST_RETRIES });
    await pause(wait, options.signal);
  }
}

/** All items of a list that comes in pages. */
export async function callForAll(path, { params = {}, ...options } = {}) {
  const items = [];
  let cursor = null;
  do {
    const page = await call("GET", path, { params: { ...params, limit: LARGEST_PAGE, ...(cursor && { cursor }) }, ...options });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

/** What to do with an error: its message for people. Errors of the page itself go to the console, too. */
export function messageOf(error) {
  if (error instanceof Problem) return error.message;
  reportError(error);
  return "Something went wrong on this page.";
}

async function sendOnce(method, path, { params = {}, body, seconds = TIMEOUT_SECONDS, signal }) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, each);
  }
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), 1000 * seconds);
  try {
    const response = await fetch(query.size ? `${path}?${query}` : path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal,
    });
    return { ok: response.ok, status: response.status, headers: response.headers, text: await response.text() };
  } catch {
    throw new Problem(giveUp.signal.aborted ? "The service does not answer." : "The service cannot be reached.");
  } finally {
    clearTimeout(timer);
  }
}

/** After how many seconds a busy service wants to be asked again; null if it does not say, or that is too long. */
function secondsToWait({ status, headers }) {
  const given = headers.get("Retry-After");
  if ((status !== 503 && status !== 429) || given === null) return null;
  const seconds = /^\d+$/.test(given.trim()) ? Number(given) : (new Date(given) - Date.now()) / 1000;
  return seconds <= LONGEST_WAIT_SECONDS ? Math.max(0, seconds) : null; // also null for what is not a date
}

function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function read({ ok, status, headers, text }, path) {
  const data = parsed(text);
  if (status === 401 && path !== SIGN_IN) {
    location.assign(`${SIGN_IN}?${new URLSearchParams({ next: location.pathname + location.search })}`);
  }
  if (!ok) {
    const isProblem = typeof data?.detail === "string";
    throw new Problem(isProblem ? data.detail : `The service is not available (status ${status}).`, {
      status,
      type: isProblem ? String(data.type) : null,
    });
  }
  if (data === null && status !== 204) throw new Problem("The answer of the service cannot be read.", { status });
  const duration = /rank;.*?dur=([\d.]+)/.exec(headers.get("Server-Timing") ?? "");
  return { data, milliseconds: duration && Number(duration[1]) };
}

/** The JSON object of an answer; null if it is none. */
function parsed(text) {
  try {
    const data = JSON.parse(text);
    return typeof data === "object" ? data : null;
  } catch {
    return null;
  }
}
