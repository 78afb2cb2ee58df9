// What a visitor does, as requests that the journal keeps until the service has confirmed them.

import { keyOf } from "./questions.js";

/** The request that stores an answer: a rating (a number), or an interaction of a kind (its name). */
export function answering(user, item, value) {
  const { item_id } = item;
  if (typeof value === "number") {
    const body = { ratings: [{ item_id, rating: value }] };
    return { ...request(user, item, "answer", "POST", "ratings", ratingKey(item_id), body), value };
  }
  const event_id = newId("event"); // chosen here, so that the request can be sent again
  const body = { interactions: [{ item_id, kind: value, event_id }] };
  return { ...request(user, item, "answer", "POST", "interactions", interactionKey(event_id), body), value };
}

/** The request that deletes the answer of a key. */
export const withdrawing = (user, item, key) => request(user, item, "withdraw", "DELETE", key, key);

export const skipping = (user, item) => request(user, item, "skip", "POST", "skips", skipKey(item), { item_ids: [item.item_id] });

export const unskipping = (user, item) => request(user, item, "unskip", "DELETE", skipKey(item), skipKey(item));

/** The request that stores an answer to a question about what items have in common; null says "cannot say". */
export function answeringInGeneral(user, question, answer) {
  const { kind, field, value, items } = question;
  const said = kind === "pair" ? { preferred: answer } : { rating: answer };
  const about = kind === "attribute" ? { field, value } : { item_ids: items.map(({ item_id }) => item_id) };
  return { ...inGeneral(user, question, "tell", "POST", "answers", { answers: [{ kind, ...about, ...said }] }), question, answer };
}

/** The request that deletes such an answer, which is stored under the id of its question. */
export const withdrawingInGeneral = (user, question, questionId) => inGeneral(user, question, "untell", "DELETE", `answers/${questionId}`);

export const erasing = (user) => ({ user, does: "erase", method: "DELETE", path: `/v1/users/${user}` });

/**
 * The answers and skips of a visitor after a request.
 *
 * `answers` are by item id { item, value, keys }, `skipped` items by item id, and `told` by question key
 * { question, answer, questionId }.
 */
export function afterwards({ answers, skipped, told }, { does, item, value, key, question, answer }) {
  const id = item.item_id;
  const [given, left, general] = [new Map(answers), new Map(skipped), new Map(told)];
  if (does === "tell" || does === "untell") {
    general.delete(id); // so that it becomes the last one
    if (does === "tell") general.set(id, { question, answer });
    return { answers: given, skipped: left, told: general };
  }
  const others = (given.get(id)?.keys ?? []).filter((each) => each !== key);
  if (does === "answer") {
    given.delete(id); // so that it becomes the last one
    given.set(id, { item, value, keys: [...others, key] });
    left.delete(id);
  } else if (does === "withdraw") {
    if (others.length) given.set(id, { ...given.get(id), keys: others });
    else given.delete(id);
  } else if (does === "skip") left.set(id, item);
  else left.delete(id);
  return { answers: given, skipped: left, told: general };
}

/** A stored rating or interaction as an answer. */
export function storedAnswer({ item_id, rating, rated_at, kind, event_id, occurred_at }) {
  if (event_id === undefined) return { item_id, value: rating, at: rated_at, key: ratingKey(item_id) };
  return { item_id, value: kind, at: occurred_at, key: interactionKey(event_id) };
}

/** A stored answer to a question about what items have in common. */
export function storedInGeneral({ question_id: questionId, kind, field, value, item_ids, rating, preferred }) {
  const question = { kind, field, value, items: item_ids.map((item_id) => ({ item_id })) };
  return [keyOf(question), { question, answer: kind === "pair" ? preferred : rating, questionId }];
}

export function newId(what) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${what}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

// A key names what is stored: its path below the user's.
const ratingKey = (item_id) => `ratings/${encodeURIComponent(item_id)}`;
const interactionKey = (event_id) => `interactions/${encodeURIComponent(event_id)}`;
const skipKey = ({ item_id }) => `skips/${encodeURIComponent(item_id)}`;

/** The journal keeps the order of requests about the same item. Here the question has the place of the item. */
function inGeneral(user, question, does, method, path, body) {
  return request(user, { item_id: keyOf(question) }, does, method, path, path, body);
}

function request(user, { item_id, title }, does, method, path, key, body) {
  return { user, does, item: { item_id, title }, key, method, path: `/v1/users/${user}/${path}`, body };
}
