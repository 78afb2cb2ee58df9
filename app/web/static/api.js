// The REST API as functions.

/** Where a browser gives its API key; the server puts it into a cookie that scripts cannot read. */
export const SIGN_IN = "/sign-in";

/** An answer of the API that is a problem (RFC 9457); its message is for people. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Call the API.
 *
 * Returns the answer's JSON, null where there is none; throws Problem.
 */
export async function call(method, path, { params = {}, body } = {}) {
  return (await callTimed(method, path, { params, body })).data;
}

/** The same, with the milliseconds that the header Server-Timing gives to adapting and ranking; null without it. */
export async function callTimed(method, path, { params = {}, body } = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, each);
  }
  let response;
  try {
    response = await fetch(query.size ? `${path}?${query}` : path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "The server does not answer.");
  }
  const text = await response.text();
  const data = text ? JSON.parse(text) : null;
  if (response.status === 401 && path !== SIGN_IN) {
    location.assign(`${SIGN_IN}?${new URLSearchParams({ next: location.pathname + location.search })}`);
  }
  if (!response.ok) throw new Problem(response.status, data.detail);
  const duration = /rank;.*?dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
  return { data, milliseconds: duration && Number(duration[1]) };
}
