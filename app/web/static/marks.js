// What a visitor can say of a recommended item without rating it. Marks are interactions.

/** The kinds of interactions that stand for "seen" and "not interested"; `kinds` are the weights by kind. */
export function marks(kinds) {
  const byWeight = Object.entries(kinds).sort(([, one], [, other]) => one - other);
  return {
    seen: byWeight.find(([, weight]) => weight > 0)[0], // the weakest, which says least about liking
    dislike: "dislike" in kinds ? "dislike" : byWeight[0][0],
    like: "like" in kinds ? "like" : byWeight.at(-1)[0],
  };
}
