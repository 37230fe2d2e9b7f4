// Vercel's AI SDK by each provider that can be pointed at prismd: text and sources.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createPerplexity } from "@ai-sdk/perplexity";
import { embedMany, generateText, streamText } from "ai";

const baseURL = process.env.OPENAI_BASE_URL;
const apiKey = process.env.OPENAI_API_KEY;
const prompt = process.env.QUESTION;

// The general provider has no sources; what else a server sends is read by such an extractor.
const metadataExtractor = {
  extractMetadata: async ({ parsedBody }) => ({ prismd: { citations: parsedBody.citations } }),
  createStreamExtractor: () => {
    let citations;
    return {
      processChunk: (chunk) => (citations = chunk?.citations ?? citations),
      buildMetadata: () => ({ prismd: { citations } }),
    };
  },
};
const compatible = createOpenAICompatible({
  name: "prismd",
  baseURL,
  apiKey,
  includeUsage: true,
  metadataExtractor,
});
const models = {
  "openai-compatible": compatible.chatModel("prism"),
  "openai-compatible, listed": compatible.chatModel("prism+sources"),
  openai: createOpenAI({ baseURL, apiKey }).chat("prism"),
  perplexity: createPerplexity({ baseURL, apiKey })("prism"),
};
if (process.env.RESPONSES) {
  models["openai responses"] = createOpenAI({ baseURL, apiKey }).responses("prism");
}

const shown = (sources) =>
  sources.map(({ sourceType, url, title, filename }) => ({ sourceType, url, title, filename }));

async function generated(model) {
  const reply = await generateText({ model, prompt, maxRetries: 0 });
  return {
    text: reply.text,
    sources: shown(reply.sources),
    finishReason: reply.finishReason,
    totalTokens: reply.usage.totalTokens ?? null,
    metadata: reply.providerMetadata?.prismd ?? null,
  };
}

async function streamed(model) {
  const errors = [];
  const reply = streamText({ model, prompt, maxRetries: 0, onError: ({ error }) => errors.push(`${error}`) });
  let text = "";
  for await (const piece of reply.textStream) text += piece;
  return {
    text,
    sources: shown(await reply.sources),
    finishReason: await reply.finishReason,
    totalTokens: (await reply.usage).totalTokens ?? null,
    metadata: (await reply.providerMetadata)?.prismd ?? null,
    errors,
  };
}

const seen = {};
for (const [name, model] of Object.entries(models)) {
  seen[name] = { generated: await generated(model), streamed: await streamed(model) };
}
const { embeddings } = await embedMany({
  model: compatible.embeddingModel("fake"),
  values: ["a plum cake", "a deposit"],
});
console.log(JSON.stringify({ seen, dimensions: embeddings.map((row) => row.length) }));
