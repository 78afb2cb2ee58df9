// Items that are like a recommended one, to say something of them.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { messageOf } from "./api.js";
import { Notice } from "./notice.js";

export function Similar({ item, visit, onGive }) {
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  const load = async () => {
    setProblem(null);
    try {
      setFound(await visit.similarTo(item));
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => void load(), [item.item_id]);
  const { feedback } = visit;
  const name = visit.name(item);
  return html`<div class="similar" role="group" aria-label=${`Like ${name}`}>
    <${Notice} text=${problem} onRetry=${load} />
    ${found && html`<p class="visually-hidden" role="status">${found.length} like ${name}</p>`}
    ${found?.length === 0 && html`<p class="soft">There is nothing else like this.</p>`}
    <ul>
      ${found?.map((each) => html`<li key=${each.item_id}>
        <div class="what"><h4>${visit.name(each)}</h4><p class="meta">${visit.describe(each).line}</p></div>
        <${feedback.Buttons} name=${visit.name(each)} onGive=${(value) => onGive(each, value)} />
      </li>`)}
    </ul>
  </div>`;
}
