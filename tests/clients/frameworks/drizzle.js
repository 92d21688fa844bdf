// Drizzle: tables, relational queries, upserts, nested transactions.
// Prints one line per question, the same whichever server answers.
const { drizzle } = require("drizzle-orm/node-postgres");
const { Pool } = require("pg");
const o = require("drizzle-orm");
const p = require("drizzle-orm/pg-core");
const say = (w, v) => console.log(w + ": " + JSON.stringify(v));
const mood = p.pgEnum("mood", ["sad", "ok"]);
const a = p.pgTable("authors", {
  id: p.serial("id").primaryKey(),
  name: p.varchar("name", { length: 80 }).notNull().unique(),
  data: p.jsonb("data"),
  tags: p.text("tags").array(),
  mood: mood("mood").default("ok"),
  fee: p.numeric("fee", { precision: 10, scale: 2 }),
  made: p.timestamp("made", { withTimezone: true }).defaultNow(),
  pt: p.uuid("u").defaultRandom(),
});
const b = p.pgTable(
  "books",
  {
    id: p.bigint("id", { mode: "bigint" }).generatedAlwaysAsIdentity().primaryKey(),
    author: p.integer("author").references(() => a.id, { onDelete: "cascade" }),
    title: p.text("title"),
  },
  (t) => [p.index("b_t").on(t.title), p.check("c", o.sql`length(title) > 0`)],
);
(async () => {
  const pool = new Pool();
  const db = drizzle(pool, {
    schema: {
      a,
      b,
      r: o.relations(a, ({ many }) => ({ books: many(b) })),
      s: o.relations(b, ({ one }) => ({ who: one(a, { fields: [b.author], references: [a.id] }) })),
    },
  });
  await db.execute(o.sql`CREATE TYPE mood AS ENUM ('sad','ok')`);
  await db.execute(
    o.sql`CREATE TABLE authors (id serial PRIMARY KEY, name varchar(80) NOT NULL UNIQUE, data jsonb, tags text[], mood mood DEFAULT 'ok', fee numeric(10,2), made timestamptz DEFAULT now(), u uuid DEFAULT gen_random_uuid())`,
  );
  await db.execute(
    o.sql`CREATE TABLE books (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author int REFERENCES authors ON DELETE CASCADE, title text CHECK (length(title) > 0))`,
  );
  say(
    "insert",
    await db
      .insert(a)
      .values([{ name: "Ann", data: { x: [1, null] }, tags: ["p", "q"], fee: "1.5" }, { name: "Bea" }])
      .returning({ id: a.id, fee: a.fee, mood: a.mood }),
  );
  await db.insert(b).values({ author: 1, title: "One" });
  say(
    "upsert",
    await db
      .insert(a)
      .values({ name: "Ann", fee: "2" })
      .onConflictDoUpdate({ target: a.name, set: { fee: o.sql`excluded.fee` } })
      .returning({ fee: a.fee }),
  );
  const q = await db.query.a.findMany({
    with: { books: { columns: { title: true } } },
    columns: { name: true, tags: true, data: true },
    orderBy: a.id,
  });
  say("relations", q);
  const q2 = await db.query.b.findFirst({ with: { who: { columns: { name: true } } }, columns: { title: true } });
  say("one", q2);
  say(
    "join",
    await db
      .select({ n: a.name, c: o.count(b.id) })
      .from(a)
      .leftJoin(b, o.eq(a.id, b.author))
      .groupBy(a.name)
      .orderBy(a.name),
  );
  say(
    "arr",
    await db
      .select({ n: a.name })
      .from(a)
      .where(o.arrayContains(a.tags, ["p"])),
  );
  await db.transaction(
    async (t) => {
      await t.transaction(async (u) => {
        try {
          await u.transaction(async (v) => {
            await v.insert(b).values({ author: 99, title: "x" });
          });
        } catch (e) {
          say("fk", [e.cause?.code, e.cause?.constraint]);
        }
      });
      say(
        "lock",
        (await t.select({ id: a.id }).from(a).where(o.eq(a.id, 1)).for("update", { skipLocked: true })).length,
      );
    },
    { isolationLevel: "serializable" },
  );
  say(
    "sub",
    await db
      .with(db.$with("s").as(db.select({ id: a.id }).from(a)))
      .select({ n: o.sql`count(*)::int` })
      .from(a),
  );
  await pool.end();
})().catch((e) => {
  console.log("FAILED", e.stack, e.cause);
  process.exit(1);
});
