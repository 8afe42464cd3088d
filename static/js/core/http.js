// Calls to the dashboard's own endpoints.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** The service said no; `message` is a sentence, `errors` has sentences by field. */
export class Refused extends Error {
  constructor(answer, status) {
    super(answer.message ?? "The service refused this");
    this.code = answer.code;
    this.errors = answer.errors ?? {};
    this.bracketId = answer.bracket_id ?? null;
    this.status = status;
  }
}

/** No answer: the service is down, hangs, or the network is gone. */
export class Unreachable extends Error {}

/**
 * Call `/dashboard/api/PATH` and return the answer. With a body it is a POST.
 * byItself: the page asks, not the person; it does not keep the session alive.
 */
export async function call(path, { body, byItself = false, seconds = 6 } = {}) {
  const response = await send(path, { body, byItself, seconds });
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Unreachable("The answer cannot be read");
  }
  if (answer.code === "not_logged_in") return toLogin();
  if (!response.ok) throw new Refused(answer, response.status);
  return answer;
}

async function send(path, { body, byItself, seconds }) {
  const headers = byItself ? { "X-By-Itself": "1" } : {};
  if (body !== undefined) headers["X-CSRF-Token"] = csrf;
  try {
    return await fetch(`/dashboard/api/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(seconds * 1000),
    });
  } catch (error) {
    throw new Unreachable(`The service does not answer: ${error.message}`);
  }
}

export function toLogin() {
  location.assign(`/dashboard/login?next=${encodeURIComponent(location.pathname)}`);
  return new Promise(() => {}); // the page is on its way out: nobody is answered any more
}
