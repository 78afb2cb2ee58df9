// The start page of operators: how much is stored, what serves, what is wrong; users and items; a user's list.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { call, callForAll, messageOf } from "./api.js";
import { LeftOut, Moves, Tastes, inWords } from "./explanation.js";
import { moment, percent } from "./formats.js";
import { KnownItems } from "./known-items.js";
import { Notice } from "./notice.js";

const REFRESH_MILLISECONDS = 15_000;
const PAUSE_MILLISECONDS = 150;
const PAGE = 20;
const userPage = (id) => `/overview?${new URLSearchParams({ user: id })}`;
const attributesLine = (attributes) => Object.entries(attributes).map(([name, value]) => `${name}: ${[value].flat().join(", ")}`).join(" · ");

function Overview() {
  const [overview, setOverview] = useState(null);
  const [problem, setProblem] = useState(null);
  const load = async () => {
    try {
      setOverview(await call("GET", "/v1/overview"));
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => {
    load();
    const timer = setInterval(load, REFRESH_MILLISECONDS);
    return () => clearInterval(timer);
  }, []);
  const { traffic } = overview ?? {};
  const numbers = overview && [
    ["Users", overview.users],
    ["Items", overview.items],
    ["Ratings", overview.ratings],
    ["Interactions", overview.interactions],
    ["Answers", overview.answers],
    ["Lists in the last minute", overview.lists_per_minute],
  ];
  return html`
    <${Notice} text=${problem} onRetry=${load} />
    ${overview && html`
      <dl class="numbers">${numbers.map(([name, value]) => html`<div class="panel"><dt>${name}</dt><dd>${value.toLocaleString()}</dd></div>`)}</dl>
      <p class="serves">Serving: ${traffic.active ? html`<b class="version">${traffic.active}</b>` : "no version"}${traffic.challenger && html`, and <b class="version">${traffic.challenger.version}</b> to ${percent(traffic.challenger.percent)} of the users`}. <a href="/models">Models</a> · <a href="/scenarios">Scenarios</a></p>
      <section class="problems" aria-labelledby="problems-title">
        <h2 id="problems-title">Problems</h2>
        ${overview.problems.length ? html`<ul>${overview.problems.map((text) => html`<li class="notice">${text}</li>`)}</ul>` : html`<p class="soft">None.</p>`}
      </section>`}
    <div class="halves"><${Users} /><${Items} /></div>
  `;
}

/** A list of the API that grows page by page; it starts again when `params` change. */
function usePages(path, params) {
  const [state, setState] = useState({ items: null, cursor: null });
  const [problem, setProblem] = useState(null);
  const load = async (before, cursor) => {
    try {
      const page = await call("GET", path, { params: { limit: PAGE, ...params, ...(cursor && { cursor }) } });
      setState({ items: [...before, ...page.items], cursor: page.next_cursor });
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => load([], null), params.query ? PAUSE_MILLISECONDS : 0);
    return () => clearTimeout(timer);
  }, [JSON.stringify(params)]);
  const more = () => load(state.items ?? [], state.cursor);
  return { ...state, problem, more };
}

function Users() {
  const { items, cursor, problem, more } = usePages("/v1/users", {});
  const open = (event) => {
    event.preventDefault();
    location.assign(userPage(new FormData(event.currentTarget).get("user")));
  };
  return html`<section aria-labelledby="users-title">
    <h2 id="users-title">Users</h2>
    <form class="search-line" onSubmit=${open}><label for="user">Id</label><input id="user" name="user" required maxlength="128" autocomplete="off" /><button class="button">Open</button></form>
    <${Notice} text=${problem} onRetry=${more} />
    ${items?.length === 0 && html`<p class="soft">There are no users yet.</p>`}
    <ul class="rows">${items?.map((user) => html`<li key=${user.user_id}>
      <a href=${userPage(user.user_id)}>${user.user_id}</a>
      <span class="soft">${user.rating_count.toLocaleString()} ${user.rating_count === 1 ? "rating" : "ratings"} · since ${moment(user.created_at)}</span>
    </li>`)}</ul>
    ${cursor && html`<button type="button" class="button" onClick=${more}>Show more users</button>`}
  </section>`;
}

function Items() {
  const [query, setQuery] = useState("");
  const { items, cursor, problem, more } = usePages("/v1/items", query.trim() ? { query: query.trim() } : {});
  return html`<section aria-labelledby="items-title">
    <h2 id="items-title">Items</h2>
    <div class="search-line"><label for="item">Title</label><input id="item" type="search" autocomplete="off" value=${query} onInput=${(event) => setQuery(event.target.value)} /></div>
    <${Notice} text=${problem} onRetry=${more} />
    ${items?.length === 0 && html`<p class="soft">${query ? "No title contains this." : "There are no items yet."}</p>`}
    <ul class="rows">${items?.map((item) => html`<li key=${item.item_id}>
      <span>${item.title ?? item.item_id} <span class="soft">${item.item_id}</span></span>
      <span class="soft">${attributesLine(item.attributes)}</span>
    </li>`)}</ul>
    ${cursor && html`<button type="button" class="button" onClick=${more}>Show more items</button>`}
  </section>`;
}

/** What is known of a user, what the model concluded of it, and the user's list with what moved each item. */
function User({ id }) {
  const [state, setState] = useState(null);
  const [problem, setProblem] = useState(null);
  const path = `/v1/users/${encodeURIComponent(id)}`;
  const load = async () => {
    try {
      const [user, list, ...did] = await Promise.all([
        call("GET", path),
        call("GET", `${path}/recommendations:explain`, { params: { n: 10 } }),
        ...["ratings", "interactions", "skips", "answers"].map((name) => callForAll(`${path}/${name}`)),
      ]);
      const items = new KnownItems();
      await items.fetch(did.flat().flatMap(({ item_id, item_ids = [item_id] }) => item_ids.map((id) => ({ item_id: id }))));
      setState({ user, list, did, items });
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => void load(), []);
  return html`
    <p><a href="/overview">Back to all users</a></p>
    <h2 class="version">User ${id}</h2>
    <${Notice} text=${problem} onRetry=${load} />
    ${state && html`<${UserDetails} ...${state} />`}
  `;
}

function UserDetails({ user, list, did: [ratings, interactions, skips, answers], items }) {
  const name = (item_id) => items.name({ item_id });
  const did = [
    ...ratings.map(({ item_id, rating, rated_at }) => ({ about: name(item_id), what: `★ ${rating}`, at: rated_at })),
    ...interactions.map(({ item_id, kind, occurred_at }) => ({ about: name(item_id), what: kind, at: occurred_at })),
    ...skips.map(({ item_id, skipped_at }) => ({ about: name(item_id), what: "skipped", at: skipped_at })),
    ...answers.map((answer) => ({ ...inWords(answer, name), at: answer.answered_at })),
  ].sort((one, other) => other.at.localeCompare(one.at));
  return html`
    <p class="soft">Since ${moment(user.created_at)}${Object.keys(user.attributes).length > 0 && ` · ${attributesLine(user.attributes)}`}</p>
    <section class="concluded" aria-labelledby="tastes-title">
      <h2 id="tastes-title">What the model concluded</h2>
      <${Tastes} ...${list.tastes} isStranger=${!["choice", "rating"].includes(list.ranked_by)} />
    </section>
    <div class="halves">
      <section aria-labelledby="list-title">
        <h2 id="list-title">The user’s list</h2>
        <p class="soft">By <span class="version">${list.model_version}</span>, in order of ${list.ranked_by}.</p>
        <ol class="rows">${list.items.map((each) => html`<li key=${each.item_id}>
          <span>${each.rank}. ${each.title ?? each.item_id}${each.predicted_rating !== null && html` <b>${each.predicted_rating.toFixed(1)}</b>`}</span>
          <span class="soft">chosen with ${percent(100 * each.choice_probability)}${each.like_probability !== null && `, liked with ${percent(100 * each.like_probability)}`}${reason("because of", each.because)}${reason("unlike", each.unlike)}</span>
          <${Moves} item=${each} />
        </li>`)}</ol>
        <${LeftOut} items=${list.left_out} />
      </section>
      <section aria-labelledby="did-title">
        <h2 id="did-title">What the user did</h2>
        ${did.length === 0 && html`<p class="soft">Nothing yet.</p>`}
        <p class="soft">${happened(list.given)}</p>
        <ul class="rows">${did.map(({ about, what, at }) => html`<li><span>${about} <b>${what}</b></span><span class="soft">${moment(at)}</span></li>`)}</ul>
      </section>
    </div>
  `;
}

/** What happened to recommendations of the user, in words. */
function happened({ shown_count, clicked_count, dismissed_count }) {
  const counts = { shown: shown_count, opened: clicked_count, dismissed: dismissed_count };
  const said = Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count.toLocaleString()}`);
  return said.length > 0 && `Recommended items: ${said.join(", ")}.`;
}

const reason = (word, found) => (found ? `, ${word} ${found.title ?? found.item_id} (${found.rating === null ? found.kind : `★ ${found.rating}`})` : "");

const wanted = new URLSearchParams(location.search).get("user");
render(wanted === null ? html`<${Overview} />` : html`<${User} id=${wanted} />`, document.getElementById("overview"));
