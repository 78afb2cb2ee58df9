// The evaluation page: start evaluations, watch them, open their reports, compare two.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Problem, call } from "./api.js";

const POLL_MILLISECONDS = 1000;
const ACTIVE = new Set(["queued", "running"]);

function Evaluations({ states, baselines, quickBaselines }) {
  const [jobs, setJobs] = useState(null);
  const [versions, setVersions] = useState([]);
  const [chosen, setChosen] = useState([]);
  const [problem, setProblem] = useState(null);
  const [announcement, setAnnouncement] = useState("");

  const attempt = async (work) => {
    try {
      await work();
      setProblem(null);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error.message);
    }
  };
  const reload = () =>
    attempt(async () => {
      const { items } = await call("GET", "/v1/evaluations", { params: { limit: 50 } });
      setJobs((former) => {
        for (const job of items) {
          const before = former?.find(({ evaluation_id }) => evaluation_id === job.evaluation_id);
          if (before && before.status !== job.status) setAnnouncement(`The evaluation of ${job.model_version} is ${job.status}.`);
        }
        return items;
      });
    });

  useEffect(() => {
    reload();
    attempt(async () => setVersions((await call("GET", "/v1/model-versions", { params: { limit: 500 } })).items));
  }, []);
  const active = jobs?.some(({ status }) => ACTIVE.has(status));
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(reload, POLL_MILLISECONDS);
    return () => clearInterval(timer);
  }, [active]);

  const start = (body) =>
    attempt(async () => {
      await call("POST", "/v1/evaluations", { body });
      await reload();
    });
  const cancel = (job) =>
    attempt(async () => {
      await call("DELETE", `/v1/evaluations/${job.evaluation_id}`);
      await reload();
    });
  const choose = (id, wanted) => setChosen(wanted ? [...chosen, id].slice(-2) : chosen.filter((each) => each !== id));

  return html`<div class="split">
    <section aria-labelledby="jobs-title">
      <div class="list-head">
        <h2 id="jobs-title">Evaluations</h2>
        ${chosen.length === 2
          ? html`<a class="button primary" href=${`/evaluations/compare?one=${chosen[0]}&other=${chosen[1]}`}>Compare the two</a>`
          : jobs?.filter(({ status }) => status === "succeeded").length > 1 && html`<span class="soft">Tick two to compare them.</span>`}
      </div>
      ${problem && html`<p class="notice" role="alert">${problem}</p>`}
      ${jobs?.length === 0 && html`<p class="soft">There are no evaluations yet. One takes about ten seconds on MovieLens 1M.</p>`}
      <ul class="cards">
        ${jobs?.map((job) => html`<${Job} key=${job.evaluation_id} job=${job} chosen=${chosen.includes(job.evaluation_id)} onChoose=${choose} onCancel=${cancel} />`)}
      </ul>
      <p class="visually-hidden" role="status">${announcement}</p>
    </section>
    <${Form} states=${states} baselines=${baselines} quickBaselines=${quickBaselines} versions=${versions} onStart=${start} />
  </div>`;
}

function Job({ job, chosen, onChoose, onCancel }) {
  const { evaluation_id: id, status, config } = job;
  const name = `${job.model_version}, ${moment(job.created_at)}`;
  return html`<li class="panel card">
    <input type="checkbox" aria-label=${`Compare ${name}`} checked=${chosen} disabled=${status !== "succeeded"} onChange=${(event) => onChoose(id, event.target.checked)} />
    <div>
      <h3>${job.model_version}</h3>
      <p class="soft">${moment(job.created_at)} · ${config.states.join(", ")} · seed ${config.seed}${config.steps ? ` · ${config.steps} steps` : ""}</p>
      ${job.error && html`<p class="soft">${job.error}</p>`}
    </div>
    <div class="actions">
      <span class=${`status ${status}`}>${status}${status === "succeeded" ? ` in ${seconds(job)} s` : ""}</span>
      ${status === "running" && html`<progress max="1" value=${job.progress} aria-label=${`Progress of ${name}`}></progress>`}
      ${ACTIVE.has(status) && html`<button type="button" class="button small" onClick=${() => onCancel(job)}>Cancel</button>`}
      ${status === "succeeded" && html`<a class="button small" href=${`/evaluations/${id}`} aria-label=${`Report of ${name}`}>Report</a>`}
    </div>
  </li>`;
}

function Form({ states, baselines, quickBaselines, versions, onStart }) {
  const [waiting, setWaiting] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { states: form.getAll("states"), baselines: form.getAll("baselines"), seed: Number(form.get("seed")) };
    if (form.get("steps")) body.steps = Number(form.get("steps"));
    if (form.get("model_version")) body.model_version = form.get("model_version");
    setWaiting(true);
    await onStart(body);
    setWaiting(false);
  };
  const choices = (name, values, ticked) =>
    values.map((value) => html`<label class="choice"><input type="checkbox" name=${name} value=${value} defaultChecked=${ticked(value)} />${value}</label>`);
  return html`<form class="panel" onSubmit=${submit}>
    <h2>Start an evaluation</h2>
    <div class="field">
      <label for="model">Model</label>
      <select id="model" name="model_version">
        ${versions.map(({ version, active }) => html`<option value=${version} selected=${active}>${version}${active ? " (serving)" : ""}</option>`)}
      </select>
    </div>
    <fieldset><legend>States</legend>${choices("states", states, () => true)}</fieldset>
    <fieldset><legend>Baselines beside it</legend>${choices("baselines", baselines, (name) => quickBaselines.includes(name))}</fieldset>
    <div class="pair">
      <div class="field"><label for="seed">Seed</label><input id="seed" name="seed" type="number" min="0" max="4294967295" step="1" defaultValue="0" required /></div>
      <div class="field"><label for="steps">Local steps</label><input id="steps" name="steps" type="number" min="1" max="100" step="1" placeholder="preset’s" aria-describedby="steps-hint" /></div>
    </div>
    <p class="hint" id="steps-hint">A model that adapts in closed form has no local steps.</p>
    <button class="button primary" disabled=${waiting}>Start the evaluation</button>
  </form>`;
}

const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
const seconds = (job) => ((new Date(job.finished_at) - new Date(job.started_at)) / 1000).toFixed(1);

const root = document.getElementById("evaluations");
const { states, baselines, quickBaselines } = root.dataset;
render(html`<${Evaluations} states=${JSON.parse(states)} baselines=${JSON.parse(baselines)} quickBaselines=${JSON.parse(quickBaselines)} />`, root);
