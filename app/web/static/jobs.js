// Jobs in the background: their list, kept up to date while one of them is active.

import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { call, messageOf } from "./api.js";

const POLL_MILLISECONDS = 1000;
const PAGE = 50;
const ACTIVE = new Set(["queued", "running"]);

/**
 * The newest jobs of a path of the API, whose ids are in the field `idName`.
 *
 * They are loaded again when `revision` changes. `onChanged` is called with each job whose status has changed. Returns
 * the jobs (null before the first answer), a message if they could not be loaded, and two functions: `reload`, and
 * `more` for older jobs (null if there are none).
 */
export function useJobs(path, idName, { revision, onChanged }) {
  const [state, setState] = useState({ jobs: null, wanted: PAGE, isMore: false });
  const [problem, setProblem] = useState(null);
  const [turn, setTurn] = useState(0);
  const load = async (wanted) => {
    try {
      const jobs = [];
      let cursor = null;
      do {
        const page = await call("GET", path, { params: { limit: Math.min(PAGE, wanted - jobs.length), ...(cursor && { cursor }) } });
        jobs.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor && jobs.length < wanted);
      setState((former) => {
        for (const job of jobs) {
          const before = former.jobs?.find((each) => each[idName] === job[idName]);
          if (before && before.status !== job.status) onChanged(job);
        }
        return { jobs, wanted, isMore: cursor !== null };
      });
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setTurn((former) => former + 1);
    }
  };
  const reload = () => load(state.wanted);
  useEffect(() => void reload(), [revision]);
  useEffect(() => {
    if (!state.jobs?.some(isActive)) return undefined;
    const timer = setTimeout(reload, POLL_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [turn]);
  return { jobs: state.jobs, problem, reload, more: state.isMore ? () => load(state.wanted + PAGE) : null };
}

export const isActive = ({ status }) => ACTIVE.has(status);

/** What a job is doing, and a button to cancel it while it can be. */
export function JobStatus({ job, name, onCancel }) {
  const took = ((new Date(job.finished_at) - new Date(job.started_at)) / 1000).toFixed(1);
  return html`
    <span class=${`status ${job.status}`}>${job.status}${job.status === "succeeded" ? ` in ${took} s` : ""}</span>
    ${job.status === "running" && html`<progress max="1" value=${job.progress} aria-label=${`Progress of ${name}`}></progress>`}
    ${isActive(job) && html`<button type="button" class="button small" onClick=${onCancel}>Cancel</button>`}
  `;
}
