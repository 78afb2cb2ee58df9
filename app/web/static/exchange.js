// What the page and the service tell each other about a visitor: answers out, questions and lists in.

import { Problem, callForAll, messageOf } from "./api.js";
import { Journal } from "./journal.js";
import { KnownItems } from "./known-items.js";
import { keyOf, subjectOf } from "./questions.js";
import { afterwards, newId, storedAnswer, storedInGeneral } from "./requests.js";
import { Turns } from "./turns.js";

export const STORED_ID = "coldstart-visitor";

const SPARE = 6; // candidates at hand, so that a tile is replaced without waiting
const QUESTIONS = 3; // about what items have in common
const SPARE_QUESTIONS = 3;
const KINDS = ["attribute", "group", "pair"];
const TASTES = 4;

/** Sends what the visitor does, and keeps the state of what the service answers. */
export class Exchange extends Turns {
  constructor(state, { tiles, recommendations }) {
    super(state);
    this.tiles = tiles;
    this.length = recommendations;
    this.feedback = null; // what can be said of an item: by `ratings`, or by `hearts` if the model takes no ratings
    this.journal = new Journal();
    this.items = new KnownItems();
    this.spare = [];
    this.spareQuestions = [];
    this.shown = new Set(); // ids of recommended items that the service knows to have been shown in this list
    this.refilling = null;
    // Stored with the first answer: before it, there is nothing to come back to.
    this.id = localStorage.getItem(STORED_ID) ?? newId("visitor");
  }

  /** What to say of an item beside its title: the category that colours it, and a line. */
  describe(item) {
    return this.items.describe(item, this.state.schema.items);
  }

  name(item) {
    return this.items.name(item);
  }

  /** What a question is about, in words. */
  subject(question) {
    return subjectOf(question, (item) => this.name(item));
  }

  /** Whether the service may know anything of this visitor. */
  get isKnown() {
    return localStorage.getItem(STORED_ID) !== null;
  }

  /** Send the journal, unless an earlier turn has sent all that is new in it. */
  deliver() {
    return this.inTurn(async () => {
      if (this.journal.hasNew) await this.sendJournal();
    });
  }

  /** Send the journal and show the list that follows. What fails stays in the journal, and the visitor is told. */
  async sendJournal() {
    let behind = null; // the last request that changed the list without answering with it
    await this.journal.send(async (entry) => {
      const hasList = entry.does === "answer" || entry.does === "tell";
      const params = hasList ? { n: this.length, explain: true } : {};
      const { data, milliseconds } = await this.askTimed(entry.method, entry.path, { params, body: entry.body });
      behind = hasList ? null : entry;
      if (entry.user !== this.id || !this.state.ready) return;
      if (entry.does === "tell") this.confirm(entry, data.answers[0]);
      this.refillSoon();
      if (hasList) await this.show(data.recommendations, { basis: this.basis(entry), milliseconds, started: entry.started });
    });
    this.tellOfJournal();
    if (behind?.user === this.id && this.state.ready) {
      await this.attempt("list", () => this.recommend({ started: behind.started }));
    }
  }

  /** An answer in general is stored, so it can be taken back by its id. */
  confirm({ item, answer }, { question_id: questionId }) {
    const said = this.state.told.get(item.item_id);
    if (said?.answer !== answer) return; // the visitor has changed it meanwhile
    this.set({ told: new Map(this.state.told).set(item.item_id, { ...said, questionId }) });
  }

  tellOfJournal() {
    const failed = this.journal.entries.filter(({ error }) => error);
    const answers = failed.filter(({ does, user }) => does === "answer" && user === this.id);
    this.set({ unsaved: new Map(answers.map(({ item, error }) => [item.item_id, messageOf(error)])) });
    if (!failed.length) return this.tell("journal", null);
    const what = answers.length === 0 ? "Your last change" : answers.length === 1 ? `Your answer about ${this.name(answers[0].item)}` : `${answers.length} of your answers`;
    return this.tell("journal", `${what} could not be saved yet. ${messageOf((answers[0] ?? failed[0]).error)}`);
  }

  /** What was answered and skipped in earlier visits, stored or not. */
  async before() {
    const stored = { answers: new Map(), skipped: new Map(), told: new Map() };
    if (!this.isKnown) return stored;
    try {
      const names = [...this.feedback.paths, "skips", "answers"];
      const lists = await Promise.all(names.map((name) => callForAll(`/v1/users/${this.id}/${name}`, { signal: this.leaving.signal })));
      const [skips, inGeneral] = lists.splice(-2);
      const given = lists.flat().map(storedAnswer).sort((one, other) => one.at.localeCompare(other.at));
      const told = inGeneral.sort((one, other) => one.answered_at.localeCompare(other.answered_at)).map(storedInGeneral);
      await this.know([...given, ...skips, ...told.flatMap(([, { question }]) => question.items)]);
      stored.told = new Map(told);
      for (const { item_id, value, key } of given) {
        const keys = [...(stored.answers.get(item_id)?.keys ?? []), key];
        stored.answers.delete(item_id);
        stored.answers.set(item_id, { item: this.items.get(item_id), value, keys });
      }
      for (const { item_id } of skips) {
        if (!stored.answers.has(item_id)) stored.skipped.set(item_id, this.items.get(item_id));
      }
    } catch (error) {
      if (!(error instanceof Problem) || !error.isMissing) throw error; // the service has forgotten this visitor
    }
    return this.journal.of(this.id).reduce(afterwards, stored);
  }

  /** Refill beside the calls in turn, so that no list waits for it; what is asked for meanwhile is done once more. */
  refillSoon() {
    if (this.refilling !== null) {
      this.refilling = "again";
      return;
    }
    this.refilling = "once";
    this.attempt("items", () => this.refill()).then(() => {
      const again = this.refilling === "again";
      this.refilling = null;
      if (again) this.refillSoon();
    });
  }

  /** Choose what to ask next by all that is known now: items, and what items have in common. */
  async refill() {
    await Promise.all([this.refillItems(), this.refillQuestions()]);
  }

  /** Questions for the places that they have, and in spare. Without a rating scale, nothing is asked in general. */
  async refillQuestions() {
    if (this.state.schema.rating_scale === null) return;
    const params = { user_id: this.id, kinds: KINDS, n: QUESTIONS + SPARE_QUESTIONS + this.journal.of(this.id).length };
    const [{ items }, { likes, dislikes }] = await Promise.all([
      this.ask("GET", "/v1/questions", { params }),
      this.ask("GET", `/v1/users/${this.id}/tastes`, { params: { n: TASTES } }),
    ]);
    await this.know(items.flatMap((question) => question.items));
    // The visitor may have gone on meanwhile. What is being asked stays.
    const asked = new Set([...this.state.questions.map(keyOf), ...this.state.told.keys()]);
    const next = items.filter((question) => !asked.has(keyOf(question)));
    const questions = [...this.state.questions, ...next.splice(0, QUESTIONS - this.state.questions.length)];
    this.spareQuestions = next;
    this.set({ questions, tastes: { likes, dislikes } });
  }

  /** Candidates for empty tiles, and in spare. */
  async refillItems() {
    const shown = this.state.slots.filter(Boolean).map((item) => item.item_id);
    const answer = await this.ask("GET", "/v1/candidates", {
      params: {
        user_id: this.id,
        strategy: "sequential",
        n: this.tiles - shown.length + SPARE,
        exclude: [...shown, ...this.unconfirmed()],
      },
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

  /** Get items to ask about and a new list. */
  refresh() {
    return Promise.all([this.attempt("items", () => this.refill()), this.attempt("list", () => this.recommend())]);
  }

  async recommend({ started = null } = {}) {
    const basis = this.basis();
    const { data, milliseconds } = await this.askTimed("GET", `/v1/users/${this.id}/recommendations`, {
      params: { n: this.length, explain: true, exclude: this.unconfirmed() },
    });
    await this.show(data, { basis, milliseconds, started });
  }

  /** The items of answers and skips that the service has not confirmed; `sent` is being confirmed. */
  unconfirmed(sent = null) {
    const entries = this.journal.of(this.id).filter((entry) => entry !== sent && (entry.does === "answer" || entry.does === "skip"));
    return [...new Set(entries.map(({ item }) => item.item_id))];
  }

  /** What a list comes from: everything but what is unconfirmed. */
  basis(sent = null) {
    const without = new Set(this.unconfirmed(sent));
    const { answers, skipped, told } = this.state;
    return {
      told: [...told.values()].filter(({ answer, questionId }) => answer !== null && questionId).length,
      answers: [...answers.values()].filter(({ item }) => !without.has(item.item_id)).map(({ value }) => value),
      skipped: [...skipped.keys()].filter((item_id) => !without.has(item_id)).length,
    };
  }

  /** Show a list that is based on `basis`; `started` is when the visitor gave the last answer or skip of it. */
  async show(page, { basis, milliseconds, started = null }) {
    await this.know(page.items);
    this.shown.clear();
    const former = new Map(this.state.recommendations.map(({ item_id, rank }) => [item_id, rank]));
    const moves = new Map();
    if (former.size && started) {
      for (const { item_id, rank } of page.items) moves.set(item_id, former.has(item_id) ? former.get(item_id) - rank : "new");
    }
    this.set({
      recommendations: itemsOf(page).filter(({ item_id }) => !this.state.answers.has(item_id)),
      basis,
      modelVersion: page.model_version,
      rankedBy: page.ranked_by,
      nextPage: page.next_cursor,
      moves,
      timing: { server: milliseconds, screen: null },
    });
    if (started) painted().then(() => this.set({ timing: { server: milliseconds, screen: performance.now() - started } }));
  }

  /** Get the attributes of items that were not seen before. Without them, the items have titles and no more. */
  async know(items) {
    try {
      await this.items.fetch(items, { signal: this.leaving.signal });
      if (!this.items.wanted.size) this.tell("attributes", null);
    } catch (error) {
      this.tell("attributes", messageOf(error));
    }
  }
}

/** The items of a list, each with the id of the list. */
export const itemsOf = ({ items, recommendation_id }) => items.map((item) => ({ ...item, recommendation_id }));

/** Resolves once what was changed is on the screen. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
