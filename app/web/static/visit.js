// One visitor's way through the onboarding page: what was asked, answered and skipped, and what is recommended.

import { Problem, callForAll, messageOf } from "./api.js";
import { hearts } from "./hearts.js";
import { Journal } from "./journal.js";
import { KnownItems } from "./known-items.js";
import { keyOf, subjectOf } from "./questions.js";
import { ratings } from "./ratings.js";
import { afterwards, answering, answeringInGeneral, erasing, newId, skipping, storedAnswer, storedInGeneral, unskipping, withdrawing, withdrawingInGeneral } from "./requests.js";
import { Turns } from "./turns.js";

const STORED_ID = "coldstart-visitor";
const SIMILAR = 4;
const MOST_EXCLUDED = 100; // so that the address does not become too long
const SPARE = 6; // candidates at hand, so that a tile is replaced without waiting
const QUESTIONS = 3; // about what items have in common
const SPARE_QUESTIONS = 3;
const KINDS = ["attribute", "group", "pair"];
const TASTES = 4;

const FIRST = {
  ready: false, // whether the page has had all that it needs to begin
  schema: null,
  modelVersion: "",
  rankedBy: "popularity", // what orders the recommendations
  slots: [], // items being asked about; null where there is none left
  answers: new Map(), // item id → { item, value, keys }: a rating or a kind of interaction, in the order of giving
  skipped: new Map(), // item id → item
  questions: [], // questions about what items have in common
  told: new Map(), // question key → { question, answer, questionId }, in the order of giving; without an id until stored
  tastes: { likes: [], dislikes: [] },
  unsaved: new Map(), // item id → why its answer could not be stored yet
  recommendations: [],
  nextPage: null, // the cursor of what comes after them; null if nothing does
  basis: { answers: [], skipped: 0, told: 0 }, // what the recommendations come from: values, and numbers of the others
  moves: new Map(), // item id → places moved up since the last list, or "new"
  timing: { server: null, screen: null },
  announcement: "",
  undo: null, // { text, run }: how to undo what was done last
  problem: null,
  waiting: null, // { seconds, retry, of }: when a busy service is asked again
};

/** Keeps the state of the page. */
export class Visit extends Turns {
  constructor({ tiles, recommendations }) {
    super(FIRST);
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

  /** Send what the last visit could not; load the schema, what was answered and skipped before, and the first items. */
  begin() {
    return this.inTurn(() =>
      this.attempt("start", async () => {
        const schema = await this.ask("GET", "/v1/schema");
        const { rating_scale: scale, interaction_kinds: kinds } = schema;
        this.feedback = scale ? ratings(scale, kinds) : hearts(kinds);
        await this.sendJournal();
        this.set({ schema, modelVersion: schema.model_version, ...(await this.before()) });
        await Promise.all([this.refill(), this.recommend()]);
        this.set({ ready: true });
      }),
    );
  }

  /** Do again what has failed. */
  retry() {
    for (const what of Object.keys(this.problems)) this.tell(what, null);
    if (!this.state.ready) return this.begin();
    return this.inTurn(async () => {
      await this.sendJournal();
      await this.know([]);
      await this.refresh();
    });
  }

  /** Answer about an item; its tile shows the next one at once. */
  give(item, value) {
    const answer = answering(this.id, item, value);
    const former = this.state.answers.get(item.item_id)?.keys ?? [];
    const requests = former.filter((key) => key !== answer.key).map((key) => withdrawing(this.id, item, key));
    // A rating deletes the skip of its item, an interaction does not.
    if (typeof value === "string" && this.state.skipped.has(item.item_id)) requests.push(unskipping(this.id, item));
    const said = `${this.name(item)}: ${this.feedback.spoken(value)}.`;
    const next = this.replace(item);
    this.record([...requests, answer], this.feedback.isMark(value) ? { text: said, run: () => this.takeBack(item) } : null);
    this.announce(said, next);
    return this.deliver();
  }

  /** Ask about something else instead. What a visitor has not seen changes the list, too. */
  skip(item) {
    const slot = this.slotOf(item);
    const next = this.replace(item);
    const said = `${this.name(item)} is skipped.`;
    this.record([skipping(this.id, item)], { text: said, run: () => this.unskip(item, slot) });
    this.announce(said, next);
    return this.deliver();
  }

  /** Undo a skip: ask about the item again, in the tile where it was. */
  unskip(item, slot = -1) {
    this.record([unskipping(this.id, item)], null);
    if (slot >= 0) {
      const slots = [...this.state.slots];
      if (slots[slot]) this.spare.unshift(slots[slot]);
      slots[slot] = item;
      this.set({ slots });
    }
    this.announce(`${this.name(item)} is not skipped any more.`);
    return this.deliver();
  }

  /** Delete an answer. */
  takeBack(item) {
    const { keys, value } = this.state.answers.get(item.item_id);
    const text = `Your answer about ${this.name(item)} is deleted.`;
    this.record(keys.map((key) => withdrawing(this.id, item, key)), { text, run: () => this.give(item, value) });
    this.announce(text);
    return this.deliver();
  }

  /** Answer a question about what items have in common, null for "cannot say". Its place shows the next one at once. */
  answerInGeneral(question, answer) {
    const key = keyOf(question);
    const place = this.state.questions.findIndex((each) => keyOf(each) === key);
    if (place >= 0) {
      const questions = [...this.state.questions];
      questions.splice(place, 1, ...this.spareQuestions.splice(0, 1));
      this.set({ questions });
    }
    this.record([answeringInGeneral(this.id, question, answer)], null);
    this.announce(`Your answer about ${this.subject(question)} counts.`);
    return this.deliver();
  }

  /** Delete an answer to a question about what items have in common. */
  takeBackInGeneral(key) {
    const { question, questionId } = this.state.told.get(key);
    this.record([withdrawingInGeneral(this.id, question, questionId)], null);
    this.announce(`Your answer about ${this.subject(question)} is deleted.`);
    return this.deliver();
  }

  /** Erase everything that the service knows about this visitor, and start over. */
  startOver() {
    this.leaving.abort(); // do not wait for a service that does not answer
    this.leaving = new AbortController();
    return this.inTurn(async () => {
      const { schema, modelVersion, rankedBy, recommendations, slots, questions, answers, skipped, told } = this.state;
      if (this.isKnown) {
        for (const entry of this.journal.of(this.id)) this.journal.remove(entry);
        this.journal.add([erasing(this.id)]);
      }
      localStorage.removeItem(STORED_ID);
      this.id = newId("visitor");
      this.spare = [];
      this.spareQuestions = [];
      const undo = { text: "All your answers are deleted.", run: () => this.restore(answers, skipped, told) };
      this.set({ ...FIRST, ready: true, schema, modelVersion, rankedBy, recommendations, slots, questions, undo });
      await this.sendJournal();
      await this.refresh();
      this.announce(undo.text);
      document.querySelector(".tile button")?.focus();
    });
  }

  /** Undo a new start: say everything again, as a new visitor. */
  restore(answers, skipped, told) {
    const again = [...answers.values()].map(({ item, value }) => answering(this.id, item, value));
    const inGeneral = [...told.values()].map(({ question, answer }) => answeringInGeneral(this.id, question, answer));
    this.record([...again, ...[...skipped.values()].map((item) => skipping(this.id, item)), ...inGeneral], null);
    for (const item_id of [...answers.keys(), ...skipped.keys()]) this.replace({ item_id });
    this.announce("Your answers are back.");
    return this.deliver();
  }

  /** Add the next page to the list. What the visitor has passed over counts as shown, and falls in later lists. */
  more() {
    return this.inTurn(() =>
      this.attempt("list", async () => {
        const { recommendations, nextPage } = this.state;
        if (nextPage === null) return;
        const page = await this.ask("GET", `/v1/users/${this.id}/recommendations`, {
          params: { n: this.length, explain: true, cursor: nextPage, exclude: this.unconfirmed() },
        });
        await this.know(page.items);
        const added = itemsOf(page).filter(({ item_id }) => !this.state.answers.has(item_id));
        this.set({ recommendations: [...this.state.recommendations, ...added], nextPage: page.next_cursor });
        this.announce(`${added.length} more.`);
        await this.tellShown(recommendations);
      }),
    );
  }

  /** Tell the service which recommendations the visitor was shown, each once a list. */
  async tellShown(items) {
    const shown = items.filter(({ item_id }) => !this.shown.has(item_id));
    for (const { item_id } of shown) this.shown.add(item_id);
    if (!shown.length) return;
    localStorage.setItem(STORED_ID, this.id);
    const common = { type: "shown", user_id: this.id, occurred_at: new Date().toISOString() };
    const events = shown.map(({ item_id, model_version, recommendation_id, rank: position }) => ({ ...common, event_id: newId("shown"), item_id, model_version, recommendation_id, position }));
    await this.ask("POST", "/v1/events", { body: { events } });
  }

  /** Items that are like this one, without those that the visitor has answered about or sees in the list. */
  async similarTo({ item_id }) {
    const { answers, recommendations } = this.state;
    const known = [...recommendations.map((each) => each.item_id), ...answers.keys()];
    const page = await this.ask("GET", `/v1/items/${encodeURIComponent(item_id)}/similar`, {
      params: { n: SIMILAR, exclude: known.slice(-MOST_EXCLUDED) },
    });
    await this.know(page.items);
    return page.items;
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

  /** Store requests in the journal, and show their effect at once. */
  record(requests, undo) {
    localStorage.setItem(STORED_ID, this.id);
    const entries = this.journal.add(requests);
    entries.at(-1).started = performance.now();
    const { answers, skipped, told } = entries.reduce(afterwards, this.state);
    const recommendations = this.state.recommendations.filter(({ item_id }) => !answers.has(item_id));
    this.set({ answers, skipped, told, recommendations, undo });
  }

  // Sending and loading.

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

  slotOf(item) {
    return this.state.slots.findIndex((each) => each?.item_id === item.item_id);
  }

  /** Put the next spare candidate where an item is asked about; returns it. */
  replace(item) {
    this.spare = this.spare.filter(({ item_id }) => item_id !== item.item_id);
    const slot = this.slotOf(item);
    if (slot < 0) return null;
    const slots = [...this.state.slots];
    slots[slot] = this.spare.shift() ?? null;
    this.set({ slots });
    return slots[slot];
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

  announce(text, next = null) {
    this.set({ announcement: next ? `${text} Next: ${this.name(next)}` : text });
  }
}

/** The items of a list, each with the id of the list. */
const itemsOf = ({ items, recommendation_id }) => items.map((item) => ({ ...item, recommendation_id }));

/** Resolves once what was changed is on the screen. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
