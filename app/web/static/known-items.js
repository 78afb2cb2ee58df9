// The items that the page has met, with their attributes.

import { callForAll } from "./api.js";

const MOST_AT_ONCE = 500;

export class KnownItems {
  constructor() {
    this.known = new Map(); // item id → item with its attributes
    this.wanted = new Set(); // ids of items that are not known yet
  }

  get(item_id) {
    return this.known.get(item_id) ?? { item_id };
  }

  name(item) {
    return item.title ?? this.get(item.item_id).title ?? item.item_id;
  }

  /** Get the items that were not met before, and those that an earlier call failed to get. */
  async fetch(items, options) {
    for (const { item_id } of items) if (!this.known.has(item_id)) this.wanted.add(item_id);
    const ids = [...this.wanted].slice(0, MOST_AT_ONCE);
    if (!ids.length) return;
    for (const item of await callForAll("/v1/items", { params: { item_id: ids }, ...options })) this.known.set(item.item_id, item);
    for (const id of ids) this.wanted.delete(id);
  }

  /** What to say of an item beside its title: the category that colours it, and a line. */
  describe(item, { fields, date }) {
    const attributes = item.attributes ?? this.get(item.item_id).attributes ?? {};
    const named = fields.filter((field) => field.kind === "categorical" || field.kind === "multi_valued");
    const shown = named.find((field) => Array.isArray(attributes[field.name])) ?? named[0];
    const values = [attributes[shown?.name] ?? []].flat();
    const when = date === null ? undefined : attributes[date];
    return { category: values[0], line: [when, values.slice(0, 3).join(", ")].filter((part) => part || part === 0).join(" · ") };
  }
}
