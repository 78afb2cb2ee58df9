// What a visitor did and the service has not confirmed yet. It outlives a reload, a closed tab and a failing network.

const PREFIX = "coldstart-unsent-";

/**
 * The entries are the requests of `requests.js`, in the order in which the visitor caused them.
 *
 * Each may be sent several times: ratings and skips replace themselves, and interactions have event ids. Every entry has
 * a place of its own in the storage, so that tabs do not overwrite each other's.
 */
export class Journal {
  constructor() {
    this.count = 0;
    this.entries = Object.keys(localStorage)
      .filter((place) => place.startsWith(PREFIX))
      .sort()
      .map((place) => ({ ...JSON.parse(localStorage.getItem(place)), place, sent: true }));
  }

  /** Store requests before they are sent; returns them as entries. */
  add(requests) {
    return requests.map((request) => {
      this.count += 1;
      const order = [Date.now(), this.count].map((number) => String(number).padStart(15, "0")).join("-");
      const place = `${PREFIX}${order}-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
      localStorage.setItem(place, JSON.stringify(request));
      const entry = { ...request, place };
      this.entries.push(entry);
      return entry;
    });
  }

  remove(entry) {
    localStorage.removeItem(entry.place);
    this.entries = this.entries.filter((each) => each !== entry);
  }

  /** The entries of a user. */
  of(user) {
    return this.entries.filter((entry) => entry.user === user);
  }

  /** Whether there are entries that have not failed yet. */
  get hasNew() {
    return this.entries.some(({ error }) => !error);
  }

  /**
   * Send all entries, each once, in their order.
   *
   * `send` is an async function of an entry. An entry that fails keeps its `error` and stays; later entries about the
   * same item wait for it. Entries about other items are sent all the same.
   */
  async send(send) {
    const waiting = new Set();
    for (const entry of [...this.entries]) {
      const about = JSON.stringify([entry.user, entry.item?.item_id]);
      if (localStorage.getItem(entry.place) === null) this.remove(entry); // not needed any more, or sent by another tab
      // One that was under way when the page was left is sent again, so that the deletion behind it finds something.
      else if (this.isReplaced(entry) && (!entry.sent || entry.error)) this.removeNeedless(entry);
      else if (!waiting.has(about)) {
        entry.sent = true;
        try {
          await send(entry);
          this.remove(entry);
        } catch (error) {
          entry.error = error;
          if (isPointless(entry)) this.remove(entry);
          else waiting.add(about);
        }
      }
    }
  }

  /** Whether a later entry about the same item makes this one needless. */
  isReplaced(entry) {
    if (entry.method !== "POST") return false;
    const later = this.entries.slice(this.entries.indexOf(entry) + 1);
    return later.some(({ user, item }) => user === entry.user && item?.item_id === entry.item.item_id);
  }

  /** Remove an entry that is replaced, and the deletion of what it would have stored if it was never sent. */
  removeNeedless(entry) {
    this.remove(entry);
    if (entry.sent || entry.key.startsWith("ratings/")) return; // an earlier rating may be stored under the same key
    for (const each of this.of(entry.user)) if (each.method === "DELETE" && each.key === entry.key) this.remove(each);
  }
}

/** Whether it is pointless to send a failed entry again. A refused answer stays, because the visitor sees it. */
function isPointless({ does, method, error }) {
  return (method === "DELETE" && error.isMissing) || (error.isFinal && does !== "answer");
}
