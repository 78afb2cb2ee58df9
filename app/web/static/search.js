// Finding an item by its title, to say something of it.

import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { call, messageOf } from "./api.js";
import { Cover } from "./cover.js";
import { Notice } from "./notice.js";

const PAUSE_MILLISECONDS = 150;
const SHOWN = 8;

export function Search({ feedback, answers, describe, onGive }) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  const [attempt, setAttempt] = useState(0);
  const box = useRef();
  useEffect(() => {
    const wanted = query.trim();
    setProblem(null);
    if (!wanted) return setFound(null);
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const { items } = await call("GET", "/v1/items", { params: { query: wanted, limit: SHOWN } });
        if (current) setFound(items);
      } catch (error) {
        if (current) setProblem(messageOf(error));
      }
    }, PAUSE_MILLISECONDS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query, attempt]);
  useEffect(() => {
    const leave = (event) => box.current.contains(event.target) || setQuery("");
    document.addEventListener("pointerdown", leave);
    return () => document.removeEventListener("pointerdown", leave);
  }, []);
  return html`<search class="search" ref=${box} onKeyDown=${(event) => event.key === "Escape" && setQuery("")}>
    <label for="search">Find something you know</label>
    <input id="search" type="search" autocomplete="off" placeholder="A title, or a part of one" value=${query} onInput=${(event) => setQuery(event.target.value)} />
    ${problem && html`<div class="found panel"><${Notice} text=${problem} onRetry=${() => setAttempt(attempt + 1)} /></div>`}
    ${!problem && found && html`<div class="found panel">
      <p class="visually-hidden" role="status">${found.length} found</p>
      ${!found.length && html`<p class="soft">No title contains “${query.trim()}”.</p>`}
      <ul>
        ${found.map((item) => html`<${Found} key=${item.item_id} item=${item} about=${describe(item)} feedback=${feedback} value=${answers.get(item.item_id)?.value} onGive=${(value) => onGive(item, value)} />`)}
      </ul>
    </div>`}
  </search>`;
}

function Found({ item, about, feedback, value, onGive }) {
  const name = item.title ?? item.item_id;
  const onKeyDown = (event) => {
    const given = feedback.ofKey(event.key);
    if (given === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onGive(given);
  };
  return html`<li onKeyDown=${onKeyDown}>
    <div class="thumb"><${Cover} id=${item.item_id} category=${about.category} /></div>
    <div class="what"><h3>${name}</h3><p class="meta">${about.line}</p></div>
    <${feedback.Buttons} name=${name} value=${value} onGive=${onGive} />
  </li>`;
}
