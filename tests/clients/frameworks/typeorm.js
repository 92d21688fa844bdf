// TypeORM: a schema made and compared, entities, trees, views, upserts, locks, streams, reflection.
// Prints one line per question, the same whichever server answers.
require("reflect-metadata");
const { DataSource, EntitySchema, Table, TableIndex, TableColumn, TableForeignKey } = require("typeorm");
const say = (w, v) => console.log(w + ": " + JSON.stringify(v));
const Author = new EntitySchema({
  name: "Author",
  columns: {
    id: { type: "int", primary: true, generated: "increment" },
    uid: { type: "uuid", generated: "uuid" },
    name: { type: "varchar", length: 80, comment: "full" },
    data: { type: "jsonb", nullable: true },
    tags: { type: "text", array: true, default: "{}" },
    mood: { type: "enum", enum: ["sad", "ok"], default: "ok" },
    moods: { type: "enum", enum: ["a", "b"], array: true, nullable: true },
    fee: { type: "numeric", precision: 10, scale: 2, nullable: true },
    span: { type: "tstzrange", nullable: true },
    ip: { type: "inet", nullable: true },
    len: { type: "interval", nullable: true },
    made: { type: "timestamptz", createDate: true },
    ver: { type: "int", version: true },
    gone: { type: "timestamptz", deleteDate: true },
    upper: { type: "varchar", generatedType: "STORED", asExpression: "upper(name)", nullable: true },
  },
  indices: [{ name: "a_name", columns: ["name"], unique: true, where: "name <> ''" }],
  checks: [{ expression: "length(name) > 0" }],
  uniques: [{ columns: ["uid"] }],
  exclusions: [{ name: "no_overlap", expression: 'USING gist ("span" WITH &&)' }],
  relations: { books: { type: "one-to-many", target: "Book", inverseSide: "author" } },
});
const Book = new EntitySchema({
  name: "Book",
  tableName: "books",
  columns: {
    id: { type: "bigint", primary: true, generated: "identity" },
    title: { type: "text" },
    score: { type: "float", nullable: true },
    cover: { type: "bytea", nullable: true },
    day: { type: "date", nullable: true },
  },
  relations: {
    author: { type: "many-to-one", target: "Author", inverseSide: "books", onDelete: "CASCADE", nullable: false },
    tags: { type: "many-to-many", target: "Tag", joinTable: true },
  },
});
const Tag = new EntitySchema({
  name: "Tag",
  columns: { id: { type: "smallint", primary: true }, name: { type: "citext" === 0 ? "" : "varchar" } },
});
const View = new EntitySchema({
  name: "Counts",
  type: "view",
  expression:
    'SELECT a.name AS name, count(b.id) AS n FROM author a LEFT JOIN books b ON b."authorId" = a.id GROUP BY a.name',
  columns: { name: { type: "varchar" }, n: { type: "bigint" } },
});
const Tree = new EntitySchema({
  name: "Node",
  columns: { id: { type: "int", primary: true, generated: true }, name: { type: "text" } },
  trees: [{ type: "materialized-path" }],
  relations: {
    parent: { type: "many-to-one", target: "Node", treeParent: true },
    children: { type: "one-to-many", target: "Node", treeChildren: true },
  },
});
(async () => {
  const ds = new DataSource({
    type: "postgres",
    host: process.env.PGHOST,
    port: +process.env.PGPORT,
    username: process.env.PGUSER,
    password: "x",
    database: process.env.PGDATABASE,
    entities: [Author, Book, Tag, View, Tree],
    synchronize: false,
    logging: ["error"],
    uuidExtension: "pgcrypto",
    installExtensions: false,
  });
  await ds.initialize();
  say(
    "sync",
    (await ds.driver.createSchemaBuilder().log()).upQueries.map((q) => q.query),
  );
  await ds.synchronize();
  say(
    "again",
    (await ds.driver.createSchemaBuilder().log()).upQueries.map((q) => q.query),
  );
  const A = ds.getRepository("Author"),
    B = ds.getRepository("Book");
  const a = await A.save({
    name: "Ann",
    data: { x: [1, null] },
    tags: ["p", "q"],
    moods: ["a", "b"],
    fee: "1.50",
    span: "[2024-01-01,2024-02-01)",
    ip: "10.0.0.1",
    len: "1 day 02:03:04",
  });
  const b = await B.save({
    title: "One",
    score: 1.5,
    cover: Buffer.from([0, 255]),
    day: "2024-02-29",
    author: a,
    tags: await ds.getRepository("Tag").save([{ id: 1, name: "x" }]),
  });
  const back = await A.findOne({ where: { id: a.id }, relations: { books: { tags: true } } });
  delete back.uid;
  delete back.made;
  say("author", back);
  say("find", await B.count({ where: { title: "One" } }));
  say(
    "qb",
    await B.createQueryBuilder("b")
      .leftJoin("b.author", "a")
      .select("a.name", "name")
      .addSelect("COUNT(*)", "n")
      .groupBy("a.name")
      .getRawMany(),
  );
  say("upsert", (await B.upsert({ id: b.id, title: "Two", author: { id: a.id } }, ["id"])).raw);
  await A.softDelete(a.id);
  say("soft", await A.count());
  await A.restore(a.id);
  say("view", await ds.getRepository("Counts").find());
  const T = ds.getTreeRepository("Node");
  const r = await T.save({ name: "r" });
  await T.save({ name: "c", parent: r });
  say("tree", await T.findTrees());
  try {
    await A.save({ name: "" });
  } catch (e) {
    say("check", [e.code, e.driverError.constraint, e.message]);
  }
  try {
    await ds.transaction("SERIALIZABLE", async (m) => {
      await m.getRepository("Author").insert({ name: "Z" });
      throw new Error("x");
    });
  } catch (e) {
    say("tx", e.message);
  }
  say("count", await A.count());
  await ds.transaction(async (m) => {
    say(
      "lock",
      (
        await m
          .getRepository("Author")
          .findOne({ where: { id: a.id }, lock: { mode: "pessimistic_write", onLocked: "skip_locked" } })
      ).name,
    );
  });
  const st = await A.createQueryBuilder("a").stream();
  let n = 0;
  for await (const _ of st) n++;
  say("stream", n);
  const q = ds.createQueryRunner();
  const t = await q.getTable("author");
  say("table", {
    c: t.columns.map((c) => [
      c.name,
      c.type,
      c.length,
      c.default,
      c.isNullable,
      c.isGenerated,
      c.generationStrategy,
      c.isArray,
      c.enum,
      c.precision,
      c.scale,
      c.comment,
      c.asExpression,
      c.generatedType,
    ]),
    i: t.indices.map((i) => [i.name, i.columnNames, i.isUnique, i.where]),
    k: t.checks.map((c) => [c.name, c.expression]),
    u: t.uniques.map((u) => [u.name, u.columnNames]),
    e: t.exclusions.map((e) => [e.name, e.expression]),
  });
  const t2 = await q.getTable("books");
  say(
    "fks",
    t2.foreignKeys.map((f) => [f.name, f.columnNames, f.referencedTableName, f.onDelete, f.onUpdate]),
  );
  await q.addColumn("books", new TableColumn({ name: "extra", type: "int", isNullable: true }));
  await q.renameColumn("books", "extra", "more");
  await q.changeColumn(
    "books",
    "more",
    new TableColumn({ name: "more", type: "varchar", length: "20", isNullable: true }),
  );
  await q.createIndex("books", new TableIndex({ columnNames: ["more"] }));
  say(
    "views",
    (await q.getViews([])).map((v) => [v.name, v.materialized]),
  );
  say(
    "down",
    (await ds.driver.createSchemaBuilder().log()).upQueries.map((q) => q.query),
  );
  await q.clearDatabase();
  say(
    "left",
    (await q.getTables()).filter((t) => !/^(pg_catalog|information_schema)/.test(t.name)).map((t) => t.name),
  );
  await q.release();
  await ds.destroy();
})().catch((e) => {
  console.log("FAILED", e.stack);
  process.exit(1);
});
