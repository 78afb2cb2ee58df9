// Questions about what items have in common: a genre, a decade, a group of items, or which of two items is preferred.

import { html, useRef } from "./vendor/htm-preact.js";

const EXAMPLES = 3;
const DECADE = /^\d+0s$/;

/** What names a question: the same for a question and for the stored answer to it. */
export function keyOf({ kind, field, value, items }) {
  return kind === "attribute" ? `attribute:${field}:${value}` : `${kind}:${items.map(({ item_id }) => item_id).sort().join(",")}`;
}

/** What a question is about, in words. `name` gives the name of an item. */
export function subjectOf({ kind, value, items }, name) {
  if (kind === "attribute") return DECADE.test(value) ? `the ${value}` : value;
  if (kind === "pair") return items.map(name).join(" or ");
  return items.slice(0, EXAMPLES).map(name).join(", ");
}

/** An answer in words; null stands for "cannot say". */
function inWords({ kind, items }, answer, visit) {
  if (answer === null) return "can’t say";
  return kind === "pair" ? visit.name(items.find(({ item_id }) => item_id === answer)) : visit.feedback.given(answer);
}

/** The questions of the screen, each in a place of its own. */
export function Questions({ questions, visit }) {
  if (!questions.length) return null;
  return html`<ul class="questions" aria-label="Questions in general">
    ${questions.map((question, place) => html`<${Question} key=${place} question=${question} visit=${visit} />`)}
  </ul>`;
}

function Question({ question, visit }) {
  const card = useRef(null);
  const isPair = question.kind === "pair";
  const subject = subjectOf(question, (item) => visit.name(item));
  const answer = (value) => {
    visit.answerInGeneral(question, value);
    // The next question takes this place, and with it the focus.
    requestAnimationFrame(() => card.current?.contains(document.activeElement) || card.current?.querySelector("button").focus());
  };
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const value = isPair ? question.items[Number(event.key) - 1]?.item_id : visit.feedback.ofKey(event.key);
    if (value !== undefined) answer(value);
    else if (event.key === "s" || event.key === "S") answer(null);
    else return;
    event.preventDefault();
  };
  return html`<li class="question" data-kind=${question.kind} ref=${card} onKeyDown=${onKeyDown}>
    <${isPair ? Pair : Liking} question=${question} subject=${subject} visit=${visit} onAnswer=${answer} />
    <button type="button" class="skip" aria-label=${`Can’t say: ${subject}`} onClick=${() => answer(null)}>Can’t say</button>
  </li>`;
}

/** How much does the visitor like some items as a whole? */
function Liking({ question, subject, visit, onAnswer }) {
  const isAttribute = question.kind === "attribute";
  const examples = question.items.slice(0, EXAMPLES).map((item) => visit.name(item)).join(", ");
  return html`
    <h3>How do you like ${isAttribute ? html`<b>${subject}</b>` : "items like these"}?</h3>
    <p class="meta">${isAttribute && "Such as "}${examples}</p>
    <${visit.feedback.Buttons} name=${subject} onGive=${onAnswer} />`;
}

/** Which of two items does the visitor prefer? */
function Pair({ question, subject, visit, onAnswer }) {
  return html`
    <h3>Which do you prefer?</h3>
    <div class="pair" role="group" aria-label=${subject}>
      ${question.items.map((item) => html`<button type="button" class="button small" key=${item.item_id} onClick=${() => onAnswer(item.item_id)}>${visit.name(item)}</button>`)}
    </div>`;
}

/** What the visitor said in general, each with a way back once the service has stored it. */
export function InGeneral({ told, visit }) {
  if (!told.size) return null;
  return html`<section class="rated" aria-labelledby="told-title">
    <h3 id="told-title">What you said in general</h3>
    <ul>
      ${[...told].reverse().map(([key, { question, answer, questionId }]) => {
        const subject = subjectOf(question, (item) => visit.name(item));
        return html`<li key=${key}>
          <span>${subject}</span> <b>${inWords(question, answer, visit)}</b>
          ${questionId && html`<button type="button" class="remove" aria-label=${`Take back: ${subject}`} onClick=${() => visit.takeBackInGeneral(key)}>×</button>`}
        </li>`;
      })}
    </ul>
  </section>`;
}
