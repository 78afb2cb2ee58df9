// The scenarios page: the settings of each scenario, how often its lists are clicked, and a form that changes them.

import { html, render, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { call, callForAll, messageOf, Problem } from "./api.js";
import { Dialog } from "./dialog.js";
import { moment, percent, withInterval } from "./formats.js";
import { Notice } from "./notice.js";

const SCENARIOS = "/v1/scenarios";
const pathOf = ({ name }) => `${SCENARIOS}/${encodeURIComponent(name)}`;

// The settings of the form, by name, with their titles.
const NUMBERS = { n: "Items in a list", diversity: "Diversity", explore: "Exploration" };
const CHOICES = { rank_by: "Order", include_rated: "Rated items", strategy: "Candidates" };
const IDS = { pinned: "Pinned items", exclude: "Excluded items" };
const JSON_TEXTS = { filter: "Filter", boosts: "Boosts" };

const FROM_0_TO_1 = { min: 0, max: 1, placeholder: "0 to 1" };

function Scenarios({ strategies }) {
  const [scenarios, setScenarios] = useState(null);
  const [problem, setProblem] = useState(null);
  const [announcement, setAnnouncement] = useState("");
  const [edited, setEdited] = useState({ scenario: null, revision: 0 });
  const [deleted, setDeleted] = useState(null);
  const title = useRef();

  const load = async () => {
    try {
      const listed = await callForAll(SCENARIOS);
      // Clicks from before a change say nothing about the present settings.
      const clicksOf = ({ name, updated_at }) => call("GET", "/v1/click-rates", { params: { by: "scenario", scenario: name, since: updated_at } });
      setScenarios(await Promise.all(listed.map(async (each) => ({ ...each, clicks: (await clicksOf(each)).items }))));
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useEffect(() => void load(), []);

  const edit = (scenario) => setEdited(({ revision }) => ({ scenario, revision: revision + 1 }));
  const save = async ({ name, ...settings }) => {
    await call("PUT", pathOf({ name }), { body: settings });
    setAnnouncement(`The scenario ${name} is stored.`);
    edit(null);
    await load();
  };
  const remove = async (scenario) => {
    try {
      await call("DELETE", pathOf(scenario));
      setAnnouncement(`The scenario ${scenario.name} is deleted.`);
      edit(null);
      await load();
    } catch (error) {
      setProblem(messageOf(error));
    }
    title.current.focus(); // the button that was used is gone
  };

  return html`<div class="split">
    <section aria-labelledby="scenarios-title">
      <div class="list-head"><h2 id="scenarios-title" tabindex="-1" ref=${title}>Scenarios</h2></div>
      <${Notice} text=${problem} onRetry=${load} />
      ${scenarios?.length === 0 && html`<p class="soft">There are no scenarios yet. Create the first one with the form.</p>`}
      <ul class="cards">
        ${scenarios?.map((each) => html`<${Scenario} key=${each.name} each=${each} onEdit=${() => edit(each)} onDelete=${() => setDeleted(each)} />`)}
      </ul>
      <p class="visually-hidden" role="status">${announcement}</p>
    </section>
    <${Form} key=${edited.revision} scenario=${edited.scenario} strategies=${strategies} onSave=${save} onCancel=${() => edit(null)} />
    ${deleted && html`<${Dialog} title=${`Delete ${deleted.name}?`} action="Delete" onDo=${() => remove(deleted)} onClose=${() => setDeleted(null)}>
      <p>Requests that name it are refused from then on. Its events stay.</p>
    <//>`}
  </div>`;
}

function Scenario({ each, onEdit, onDelete }) {
  const settings = inWords(each);
  return html`<li class="panel card plain">
    <div>
      <h3>${each.name}</h3>
      <p class="soft">${each.percent === 100 ? "For all users" : `For ${percent(each.percent)} of the users`} · since ${moment(each.updated_at)}</p>
    </div>
    <div class="actions">
      <button type="button" class="button small" aria-label=${`Edit ${each.name}`} onClick=${onEdit}>Edit</button>
      <button type="button" class="button small" aria-label=${`Delete ${each.name}`} onClick=${onDelete}>Delete</button>
    </div>
    <dl class="facts">
      ${settings.length === 0 && html`<div><dt>Settings</dt><dd>none: lists are as usual</dd></div>`}
      ${settings.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}
    </dl>
    <${Clicks} each=${each} />
  </li>`;
}

/** How often the lists of each variant were clicked since the last change. */
function Clicks({ each }) {
  if (each.clicks.length === 0) return html`<p class="verdict soft">No events of its lists since then.</p>`;
  const rows = [["scenario", "With the settings"], ["control", "Control group"]]
    .map(([variant, name]) => ({ name, found: each.clicks.find((row) => row.variant === variant) }))
    .filter(({ found }) => found);
  return html`
    <table class="clicks">
      <caption class="visually-hidden">Clicks in the lists of ${each.name}</caption>
      <thead><tr><th scope="col">Lists</th><th scope="col">Shown</th><th scope="col">Clicked</th><th scope="col">Clicks per showing (95 % interval)</th></tr></thead>
      <tbody>${rows.map(({ name, found }) => html`<tr><th scope="row">${name}</th><td>${found.shown.toLocaleString()}</td><td>${found.clicked.toLocaleString()}</td><td>${withInterval(found.click_rate, (share) => percent(100 * share))}</td></tr>`)}</tbody>
    </table>
    ${each.percent < 100 && html`<p class="verdict"><b>${verdict(each.clicks)}</b></p>`}`;
}

/** Whether the settings make a difference: only if the intervals do not overlap, which is a cautious rule. */
function verdict(clicks) {
  const [own, control] = ["scenario", "control"].map((variant) => clicks.find((row) => row.variant === variant)?.click_rate);
  if (!own || !control || own.low === null || control.low === null) return "There are not enough users for a comparison yet.";
  if (own.low > control.high) return "Lists with the settings are clicked more often.";
  if (own.high < control.low) return "Lists with the settings are clicked less often.";
  return "No clear difference yet: the intervals overlap.";
}

/** The settings that a scenario has, each with its title, in words. */
function inWords(scenario) {
  const said = [];
  for (const [name, title] of Object.entries({ ...NUMBERS, ...CHOICES, strangers: "Strangers’ list" })) {
    if (scenario[name] !== null) said.push([title, { true: "shown", false: "left out" }[scenario[name]] ?? String(scenario[name])]);
  }
  if (Object.keys(scenario.filter).length > 0) said.push(["Filter", conditions(scenario.filter)]);
  for (const { factor, item_ids, filter } of scenario.boosts) {
    const items = [item_ids && `items ${item_ids.join(", ")}`, conditions(filter)].filter(Boolean);
    said.push(["Boost", `× ${factor} for ${items.join(" with ")}`]);
  }
  for (const [name, title] of Object.entries(IDS)) if (scenario[name].length > 0) said.push([title, scenario[name].join(", ")]);
  return said;
}

/** A filter in words, such as "genre: Comedy or Drama, not Horror; year: from 1990". */
const conditions = (filter) =>
  Object.entries(filter)
    .map(([field, wanted]) => {
      const { any, all, not, from, to } = Array.isArray(wanted) ? { any: wanted } : wanted;
      const parts = [any?.join(" or "), all?.join(" and "), not && `not ${not.join(", ")}`, from !== undefined && from !== null && `from ${from}`, to !== undefined && to !== null && `to ${to}`];
      return `${field}: ${parts.filter(Boolean).join(", ")}`;
    })
    .join("; ");

function Form({ scenario, strategies, onSave, onCancel }) {
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState(null);
  const first = useRef();
  useEffect(() => scenario && first.current.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    setWaiting(true);
    try {
      await onSave(settingsOf(new FormData(event.currentTarget)));
    } catch (error) {
      setProblem(messageOf(error));
      setWaiting(false);
    }
  };
  const own = scenario ?? {};
  const number = (name, limits) => html`<div class="field"><label for=${name}>${NUMBERS[name]}</label>
    <input id=${name} name=${name} type="number" step="any" defaultValue=${own[name] ?? ""} ...${limits} /></div>`;
  const choice = (name, values) => html`<div class="field"><label for=${name}>${CHOICES[name]}</label>
    <select id=${name} name=${name}><option value="">as usual</option>${values.map(([value, text]) => html`<option value=${value} selected=${String(own[name]) === value}>${text}</option>`)}</select></div>`;
  const text = (name, title, { value, hint, ...attributes }) => html`<div class="field"><label for=${name}>${title}</label>
    <textarea id=${name} name=${name} rows="2" spellcheck="false" aria-describedby=${`${name}-hint`} defaultValue=${value} ...${attributes}></textarea>
    <p class="hint" id=${`${name}-hint`}>${hint}</p></div>`;
  const json = (value) => (value === undefined || Object.keys(value).length === 0 ? "" : JSON.stringify(value, null, 1).replace(/\s*\n\s*/g, " "));
  return html`<form class="panel" onSubmit=${submit} aria-labelledby="form-title">
    <h2 id="form-title">${scenario ? `Edit ${scenario.name}` : "Create a scenario"}</h2>
    <p class="hint">What is left empty is as usual. What a request says itself has precedence.</p>
    <div class="field"><label for="name">Name</label>
      <input id="name" name="name" required pattern="[a-z0-9][a-z0-9\\-]*" maxlength="64" autocomplete="off" placeholder="home" defaultValue=${own.name ?? ""} readonly=${scenario !== null} aria-describedby="name-hint" />
      <p class="hint" id="name-hint">Small letters, digits and hyphens.</p></div>
    <div class="field"><label for="percent">Share of the users, in %</label>
      <input ref=${first} id="percent" name="percent" type="number" min="0" max="100" step="any" defaultValue=${own.percent ?? 100} required /></div>
    <div class="pair">${number("n", { min: 1, max: 500, step: 1 })}${choice("rank_by", [["choice", "by choice"], ["rating", "by rating"]])}</div>
    <div class="pair">${number("diversity", FROM_0_TO_1)}${number("explore", FROM_0_TO_1)}</div>
    <div class="pair">${choice("include_rated", [["true", "shown"], ["false", "left out"]])}${choice("strategy", strategies.map((each) => [each, each]))}</div>
    <div class="field"><label for="strangers">List for strangers</label>
      <input id="strangers" name="strangers" list="strangers-lists" autocomplete="off" placeholder="as usual" defaultValue=${own.strangers ?? ""} aria-describedby="strangers-hint" />
      <datalist id="strangers-lists">${["diverse", "popular", "popular:30", "trending", "latest"].map((each) => html`<option value=${each} />`)}</datalist>
      <p class="hint" id="strangers-hint">diverse, popular, trending or latest; also with days: popular:30</p></div>
    ${Object.entries(IDS).map(([name, title]) => text(name, title, { value: (own[name] ?? []).join("\n"), hint: "One id a line." }))}
    ${text("filter", JSON_TEXTS.filter, { value: json(own.filter), hint: 'JSON, as in a request: {"genre": ["Comedy"], "year": {"from": 1990}}', class: "code" })}
    ${text("boosts", JSON_TEXTS.boosts, { value: json(own.boosts), hint: 'JSON: [{"factor": 2, "filter": {"genre": ["Comedy"]}}]', class: "code" })}
    <${Notice} text=${problem} />
    <div class="form-actions">
      <button class="button primary" disabled=${waiting}>${scenario ? "Save" : "Create"}</button>
      ${scenario && html`<button type="button" class="button" onClick=${onCancel}>Cancel</button>`}
    </div>
  </form>`;
}

/** The name and the settings that a form has, as the API takes them. Throws an error for people if a text is no JSON. */
function settingsOf(form) {
  const settings = { name: form.get("name"), percent: Number(form.get("percent")), strangers: form.get("strangers").trim() || null };
  for (const name of Object.keys(NUMBERS)) settings[name] = form.get(name) === "" ? null : Number(form.get(name));
  for (const name of Object.keys(CHOICES)) settings[name] = { "": null, true: true, false: false }[form.get(name)] ?? (form.get(name) || null);
  for (const name of Object.keys(IDS)) settings[name] = form.get(name).split("\n").map((line) => line.trim()).filter(Boolean);
  for (const [name, title] of Object.entries(JSON_TEXTS)) {
    if (!form.get(name).trim()) continue;
    try {
      settings[name] = JSON.parse(form.get(name));
    } catch {
      throw new Problem(`${title}: this is not JSON.`);
    }
  }
  return settings;
}

const root = document.getElementById("scenarios");
render(html`<${Scenarios} strategies=${JSON.parse(root.dataset.strategies)} />`, root);
