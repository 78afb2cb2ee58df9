// Calls of a page that are made one after the other, and what the visitor is told of those that fail.

import { callTimed, messageOf } from "./api.js";

/** Keeps a state, tells `onChange` of every new one, and makes calls in turn. */
export class Turns {
  constructor(state) {
    this.onChange = () => {};
    this.state = state; // with `problem`, and `waiting`: { seconds, retry, of } while a busy service is left alone
    this.problems = {}; // by what failed, so that a success takes back only its own message
    this.calls = Promise.resolve();
    this.leaving = new AbortController();
  }

  /** One after the other, so that the last list shown is the last one asked for. */
  inTurn(work) {
    this.calls = this.calls.then(() => this.attempt("turn", work));
    return this.calls;
  }

  /** Do something, and tell the visitor if it fails. */
  async attempt(what, work) {
    try {
      await work();
      this.tell(what, null);
    } catch (error) {
      this.tell(what, messageOf(error));
    }
  }

  tell(what, text) {
    this.problems = { ...this.problems, [what]: text };
    this.set({ problem: Object.values(this.problems).find(Boolean) ?? null });
  }

  async askTimed(method, path, options = {}) {
    let waits = false;
    const onWait = (waiting) => {
      waits = true;
      this.set({ waiting });
    };
    try {
      return await callTimed(method, path, { ...options, signal: this.leaving.signal, onWait });
    } finally {
      if (waits) this.set({ waiting: null });
    }
  }

  async ask(method, path, options) {
    return (await this.askTimed(method, path, options)).data;
  }

  set(changes) {
    this.state = { ...this.state, ...changes };
    this.onChange(this.state);
  }
}
