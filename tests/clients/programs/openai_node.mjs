// The openai library of Node: models, chat whole and streamed, embeddings, errors.
import OpenAI from "openai";
import { VERSION } from "openai/version";

const client = new OpenAI({ maxRetries: 0 });
const asked = {
  model: "prism",
  messages: [{ role: "user", content: process.env.QUESTION }],
};

async function failure(work) {
  try {
    await work();
  } catch (error) {
    return { class: error.constructor.name, status: error.status, code: error.code };
  }
  throw new Error("nothing was raised");
}

async function streamed() {
  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  const seen = { text: "", sources: [], usage: null };
  for await (const chunk of stream) {
    const delta = chunk.choices[0]?.delta;
    seen.text += delta?.content ?? "";
    for (const annotation of delta?.annotations ?? []) {
      seen.sources.push(annotation.url_citation.url);
    }
    seen.usage = chunk.usage ?? seen.usage;
  }
  return seen;
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const whole = await client.chat.completions.create(asked);
const gathered = await client.chat.completions.stream(asked).finalChatCompletion();
const texts = { model: "fake", input: ["a plum cake", "a deposit"] };
const packed = await client.embeddings.create(texts);
const plain = await client.embeddings.create({ ...texts, encoding_format: "float" });
const stranger = new OpenAI({ apiKey: "guessed" });
const bare = new OpenAI({ baseURL: client.baseURL.replace(/\/v1$/, "") });
const withoutPrefix = await bare.chat.completions.create(asked);

console.log(
  JSON.stringify({
    version: VERSION,
    models,
    whole: {
      text: whole.choices[0].message.content,
      source: whole.choices[0].message.annotations[0].url_citation.url,
    },
    streamed: await streamed(),
    gathered: gathered.choices[0].message.content,
    "without /v1": withoutPrefix.choices[0].message.content,
    embeddings: {
      packed: packed.data.map((item) => Array.from(item.embedding)),
      plain: plain.data.map((item) => item.embedding),
    },
    errors: {
      "wrong key": await failure(() => stranger.models.list()),
      "unknown model": await failure(() =>
        client.chat.completions.create({ ...asked, model: "gpt-9" }),
      ),
      n: await failure(() => client.chat.completions.create({ ...asked, n: 2 })),
    },
  }),
);
