// Knex: migrations both ways, queries on JSON, upserts, transactions, streams, timeouts.
// Prints one line per question, the same whichever server answers.
const say = (w, v) => console.log(w + ": " + JSON.stringify(v));
const k = require("knex")({
  client: "pg",
  connection: {
    host: process.env.PGHOST,
    port: process.env.PGPORT,
    user: process.env.PGUSER,
    database: process.env.PGDATABASE,
    password: "x",
  },
  searchPath: ["public"],
  pool: { min: 0, max: 3 },
  migrations: {
    migrationSource: {
      getMigrations: async () => ["one", "two"],
      getMigrationName: (m) => m,
      getMigration: (m) => ({
        up: async (k) =>
          m == "one"
            ? k.schema.createTable("a", (t) => {
                t.increments();
                t.string("name", 80).notNullable().unique().comment("full");
                t.jsonb("data").defaultTo("{}");
                t.specificType("tags", "text[]");
                t.enu("mood", ["sad", "ok"], { useNative: true, enumName: "mood_t" });
                t.decimal("fee", 10, 2);
                t.uuid("uid").defaultTo(k.raw("gen_random_uuid()"));
                t.timestamps(true, true);
                t.binary("blob");
                t.geometry === 0;
              })
            : k.schema
                .createTable("b", (t) => {
                  t.bigIncrements();
                  t.integer("a_id").unsigned().references("id").inTable("a").onDelete("CASCADE").deferrable("deferred");
                  t.text("title");
                  t.index(["title"], "b_t", { indexType: "hash" });
                  t.check("?? <> ''", ["title"]);
                  t.comment("books");
                })
                .alterTable("b", (t) => {
                  t.renameColumn("title", "name");
                })
                .alterTable("b", (t) => {
                  t.string("name", 50).alter();
                  t.dropForeign("a_id");
                  t.foreign("a_id").references("a.id");
                }),
        down: (k) =>
          m == "one" ? k.schema.dropTable("a").then(() => k.raw("drop type mood_t")) : k.schema.dropTable("b"),
      }),
    },
  },
});
(async () => {
  say("up", await k.migrate.latest());
  say("status", [await k.migrate.currentVersion(), (await k.migrate.list())[0]]);
  say(
    "insert",
    await k("a")
      .insert([
        { name: "Ann", data: { x: [1] }, tags: ["p"], mood: "ok", fee: "1.5", blob: Buffer.from([0, 255]) },
        { name: "Bea" },
      ])
      .returning(["id", "name"]),
  );
  await k("b").insert({ a_id: 1, name: "One" });
  say(
    "merge",
    await k("a")
      .insert({ name: "Ann", fee: 2 })
      .onConflict("name")
      .merge(["fee"])
      .returning("*")
      .then((r) => r.map((x) => [x.id, x.fee, x.tags, x.mood])),
  );
  say("ignore", (await k("a").insert({ name: "Ann" }).onConflict().ignore()).rowCount);
  say(
    "json",
    await k("a")
      .whereJsonSupersetOf("data", { x: [1] })
      .pluck("name"),
  );
  say("path", await k("a").jsonExtract("data", "$.x[0]", "first").orderBy("id"));
  say("jset", await k("a").jsonSet("data", "$.y", "7", "out").where("id", 1));
  say(
    "cte",
    await k
      .with("r", k("b").select("a_id").count("* as n").groupBy("a_id"))
      .from("r")
      .join("a", "a.id", "r.a_id")
      .select("name", "n"),
  );
  say(
    "rec",
    await k
      .raw("with recursive t(n) as (select 1 union all select n+1 from t where n < ?) select * from t", [3])
      .then((r) => r.rows),
  );
  say("columns", await k("a").columnInfo());
  say("has", [await k.schema.hasTable("a"), await k.schema.hasColumn("a", "fee"), await k.schema.hasTable("zz")]);
  try {
    await k.transaction(async (t) => {
      await t("a").insert({ name: "Z" });
      await t.transaction(async (u) => {
        await u("b").insert({ a_id: 99, name: "x" });
      });
    });
  } catch (e) {
    say("fk", [e.code, e.constraint, e.detail]);
  }
  say("n", await k("a").count());
  await k.transaction(async (t) => say("lock", (await t("a").where("id", 1).forUpdate().skipLocked()).length), {
    isolationLevel: "repeatable read",
  });
  let n = 0;
  for await (const r of k("a").stream()) n++;
  say("stream", n);
  say("distinct", await k("a").distinctOn("mood").orderBy("mood").pluck("name"));
  say(
    "window",
    await k("a")
      .select("name")
      .rank("r", (q) => q.orderBy("name")),
  );
  say("trunc", await k.raw("truncate table b restart identity cascade").then((r) => r.command));
  say("raw", (await k.raw("select ?::int as a, ?? from a order by id limit 1", [1, "name"])).rows);
  try {
    await k.raw("select pg_sleep(5)").timeout(300, { cancel: true });
  } catch (e) {
    say("timeout", e.message);
  }
  say("down", await k.migrate.rollback(null, true));
  await k.destroy();
})().catch((e) => {
  console.log("FAILED", e.stack);
  process.exit(1);
});
