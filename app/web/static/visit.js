// One visitor's way through the onboarding page: what was asked, answered and skipped, and what is recommended.

import { Exchange, STORED_ID, itemsOf } from "./exchange.js";
import { hearts } from "./hearts.js";
import { keyOf } from "./questions.js";
import { ratings } from "./ratings.js";
import { afterwards, answering, answeringInGeneral, erasing, newId, skipping, unskipping, withdrawing, withdrawingInGeneral } from "./requests.js";

const SIMILAR = 4;
const MOST_EXCLUDED = 100; // so that the address does not become too long

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

/** What the visitor can do. */
export class Visit extends Exchange {
  constructor(options) {
    super(FIRST, options);
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

  /** Store requests in the journal, and show their effect at once. */
  record(requests, undo) {
    localStorage.setItem(STORED_ID, this.id);
    const entries = this.journal.add(requests);
    entries.at(-1).started = performance.now();
    const { answers, skipped, told } = entries.reduce(afterwards, this.state);
    const recommendations = this.state.recommendations.filter(({ item_id }) => !answers.has(item_id));
    this.set({ answers, skipped, told, recommendations, undo });
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

  announce(text, next = null) {
    this.set({ announcement: next ? `${text} Next: ${this.name(next)}` : text });
  }
}
