// One visitor's way through the onboarding page: what was asked, answered and skipped, and what is recommended.

import { Problem, call, callTimed } from "./api.js";
import { hearts } from "./hearts.js";
import { ratings } from "./ratings.js";

const STORED_ID = "coldstart-visitor";
const SPARE = 6; // candidates at hand, so that a tile is replaced without waiting

const FIRST = {
  schema: null,
  modelVersion: "",
  rankedBy: "popularity", // what orders the recommendations
  slots: [], // items being asked about; null where there is none left
  answers: new Map(), // item id → { item, value }: a rating or a kind of interaction, in the order of giving
  skipped: new Set(),
  recommendations: [],
  basis: { answers: 0, skipped: 0 }, // how many of them the recommendations come from
  moves: new Map(), // item id → places moved up since the last list, or "new"
  timing: { server: null, screen: null },
  announcement: "",
  problem: null,
};

/** Keeps the state of the page and tells `onChange` of every new one. */
export class Visit {
  constructor({ tiles, recommendations }) {
    this.tiles = tiles;
    this.length = recommendations;
    this.onChange = () => {};
    this.state = FIRST;
    this.feedback = null; // what can be said of an item: by `ratings`, or by `hearts` if the model takes no ratings
    this.keys = new Map(); // item id → the key by which the service deletes its answer
    this.known = new Map(); // item id → item with its attributes
    this.spare = [];
    this.calls = Promise.resolve();
    this.refilling = null;
    // Stored with the first answer: before it, there is nothing to come back to.
    this.id = localStorage.getItem(STORED_ID) ?? newId();
  }

  /** Load the schema, what was answered and skipped before, and the first items. */
  begin() {
    return this.inTurn(async () => {
      const schema = await call("GET", "/v1/schema");
      this.feedback = schema.rating_scale ? ratings(schema.rating_scale) : hearts(schema.interaction_kinds);
      this.set({ schema, modelVersion: schema.model_version, ...(await this.before()) });
      await Promise.all([this.refill(), this.recommend()]);
    }, { fatal: true });
  }

  /** Answer about an item; its tile shows the next one at once. */
  give(item, value) {
    const started = performance.now();
    const answers = new Map(this.state.answers);
    answers.delete(item.item_id);
    answers.set(item.item_id, { item, value });
    const skipped = new Set(this.state.skipped);
    skipped.delete(item.item_id); // an answer replaces the skip of its item
    this.set({ answers, skipped, problem: null });
    const basis = this.basis();
    const next = this.replace(item);
    this.announce(`${this.name(item)}: ${this.feedback.spoken(value)}.`, next);
    return this.inTurn(async () => {
      localStorage.setItem(STORED_ID, this.id);
      if (!this.feedback.replaces) await this.delete(item);
      const { data, milliseconds } = await callTimed("POST", `/v1/users/${this.id}/${this.feedback.path}`, {
        params: { n: this.length, explain: true },
        body: this.feedback.body(item.item_id, value),
      }).catch((error) => {
        this.forget(item);
        throw error;
      });
      this.keys.set(item.item_id, this.feedback.keyOf(data, item));
      this.refillSoon();
      await this.show(data.recommendations, { basis, milliseconds, started });
    });
  }

  /** Ask about something else instead. What a visitor has not seen changes the list, too. */
  skip(item) {
    const started = performance.now();
    this.set({ skipped: new Set(this.state.skipped).add(item.item_id), problem: null });
    this.announce(`${this.name(item)}: not seen.`, this.replace(item));
    return this.inTurn(async () => {
      localStorage.setItem(STORED_ID, this.id);
      await call("POST", `/v1/users/${this.id}/skips`, { body: { item_ids: [item.item_id] } });
      this.refillSoon();
      await this.recommend({ started });
    });
  }

  /** Delete an answer. */
  takeBack(item) {
    this.forget(item);
    this.announce(`Your answer about ${this.name(item)} is deleted.`);
    return this.inTurn(async () => {
      await this.delete(item);
      this.refillSoon();
      await this.recommend();
    });
  }

  /** Erase everything that the service knows about this visitor, and start over. */
  startOver() {
    return this.inTurn(async () => {
      await this.erase();
      this.spare = [];
      this.keys.clear();
      this.set({ ...FIRST, schema: this.state.schema, modelVersion: this.state.modelVersion });
      await Promise.all([this.refill(), this.recommend()]);
      this.announce("All your answers are deleted.");
      document.querySelector(".tile button")?.focus();
    });
  }

  /** What to say of an item beside its title: the category that colours it, and a line. */
  describe(item) {
    const attributes = item.attributes ?? this.known.get(item.item_id)?.attributes ?? {};
    const { fields, date } = this.state.schema.items;
    const named = fields.filter((field) => field.filterable);
    const shown = named.find((field) => Array.isArray(attributes[field.name])) ?? named[0];
    const values = [attributes[shown?.name] ?? []].flat();
    const when = date === null ? undefined : attributes[date];
    return { category: values[0], line: [when, values.slice(0, 3).join(", ")].filter((part) => part || part === 0).join(" · ") };
  }

  /** What was answered and skipped in earlier visits. */
  async before() {
    const answers = new Map();
    const skipped = new Set();
    if (!this.isKnown) return { answers, skipped };
    try {
      const [given, skips] = await Promise.all(
        [this.feedback.path, "skips"].map((name) => call("GET", `/v1/users/${this.id}/${name}`, { params: { limit: 500 } })),
      );
      await this.know(given.items);
      const stored = given.items.map(this.feedback.stored).sort((one, other) => one.at.localeCompare(other.at));
      for (const { item_id, key, value } of stored) {
        answers.set(item_id, { item: this.known.get(item_id) ?? { item_id }, value });
        this.keys.set(item_id, key);
      }
      for (const { item_id } of skips.items) skipped.add(item_id);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error; // the service has forgotten this visitor
    }
    return { answers, skipped };
  }

  /** Delete the stored answer about an item, if there is one. */
  async delete(item) {
    const key = this.keys.get(item.item_id);
    if (key === undefined) return;
    await call("DELETE", `/v1/users/${this.id}/${this.feedback.path}/${encodeURIComponent(key)}`);
    this.keys.delete(item.item_id);
  }

  async erase() {
    if (!this.isKnown) return;
    try {
      await call("DELETE", `/v1/users/${this.id}`);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    }
    localStorage.removeItem(STORED_ID);
    this.id = newId();
  }

  /** Whether the service knows anything of this visitor. */
  get isKnown() {
    return localStorage.getItem(STORED_ID) !== null;
  }

  /** Refill beside the calls in turn, so that no list waits for it; what is asked for meanwhile is done once more. */
  refillSoon() {
    if (this.refilling !== null) {
      this.refilling = "again";
      return;
    }
    this.refilling = "once";
    this.orProblem(async () => {
      try {
        await this.refill();
      } finally {
        const again = this.refilling === "again";
        this.refilling = null;
        if (again) this.refillSoon();
      }
    });
  }

  /** Choose the next candidates by all that is known now, for empty tiles and in spare. */
  async refill() {
    const shown = this.state.slots.filter(Boolean).map((item) => item.item_id);
    const answer = await call("GET", "/v1/candidates", {
      params: { user_id: this.id, strategy: "sequential", n: this.tiles - shown.length + SPARE, exclude: shown },
    });
    await this.know(answer.items);
    // The visitor may have gone on meanwhile.
    const current = new Set(this.state.slots.filter(Boolean).map((item) => item.item_id));
    const { answers, skipped } = this.state;
    const next = answer.items.filter(({ item_id }) => !answers.has(item_id) && !skipped.has(item_id) && !current.has(item_id));
    const slots = Array.from({ length: this.tiles }, (_, slot) => this.state.slots[slot] ?? next.shift() ?? null);
    this.spare = next;
    this.set({ slots });
  }

  async recommend({ started = null } = {}) {
    const basis = this.basis();
    const { data, milliseconds } = await callTimed("GET", `/v1/users/${this.id}/recommendations`, {
      params: { n: this.length, explain: true },
    });
    await this.show(data, { basis, milliseconds, started });
  }

  basis() {
    return { answers: this.state.answers.size, skipped: this.state.skipped.size };
  }

  /** Show a list that is based on `basis`; `started` is when the visitor gave the last answer or skip of it. */
  async show(page, { basis, milliseconds, started = null }) {
    await this.know(page.items);
    const former = new Map(this.state.recommendations.map(({ item_id, rank }) => [item_id, rank]));
    const moves = new Map();
    if (former.size && started !== null) {
      for (const { item_id, rank } of page.items) moves.set(item_id, former.has(item_id) ? former.get(item_id) - rank : "new");
    }
    this.set({
      recommendations: page.items,
      basis,
      modelVersion: page.model_version,
      rankedBy: page.ranked_by,
      moves,
      timing: { server: milliseconds, screen: null },
    });
    if (started !== null) {
      await painted();
      this.set({ timing: { server: milliseconds, screen: performance.now() - started } });
    }
  }

  /** Put the next spare candidate where an item is asked about; returns it. */
  replace(item) {
    const slot = this.state.slots.findIndex((each) => each?.item_id === item.item_id);
    if (slot < 0) return null;
    const slots = [...this.state.slots];
    slots[slot] = this.spare.shift() ?? null;
    this.set({ slots });
    return slots[slot];
  }

  forget(item) {
    const answers = new Map(this.state.answers);
    answers.delete(item.item_id);
    this.set({ answers });
  }

  /** Get the attributes of items that were not seen before. */
  async know(items) {
    const unknown = items.map(({ item_id }) => item_id).filter((id) => !this.known.has(id));
    if (!unknown.length) return;
    const answer = await call("GET", "/v1/items", { params: { item_id: unknown, limit: unknown.length } });
    for (const item of answer.items) this.known.set(item.item_id, item);
  }

  name(item) {
    return item.title ?? item.item_id;
  }

  announce(text, next = null) {
    this.set({ announcement: next ? `${text} Next: ${this.name(next)}` : text });
  }

  /** One call after the other, so that the last list shown is the last one asked for. */
  inTurn(work, { fatal = false } = {}) {
    this.calls = this.calls.then(() => this.orProblem(work, { fatal }));
    return this.calls;
  }

  /** Do something, and tell the visitor if the service refuses or does not answer. */
  async orProblem(work, { fatal = false } = {}) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.set({ problem: { text: error.message, fatal } });
    }
  }

  set(changes) {
    this.state = { ...this.state, ...changes };
    this.onChange(this.state);
  }
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `visitor-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Resolves once what was changed is on the screen. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
