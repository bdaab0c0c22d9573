/**
 * Where visits go in the benchmark: a QuestDB that takes every line, and a MongoDB that is connected to and never answers. Prints
 * their ports.
 */

const listen = () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }).port;

console.log(`${listen()} ${listen()}`);
