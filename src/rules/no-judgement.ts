// Apart from the schemas that end so (metadata-schema.ts): who knows of it need not load what judges by one.

/** Nothing is known of the metadata: the schema cannot be applied to it. The message is the rest of a sentence about that. */
export class NoJudgement extends Error {}
