// Sequelize: models, all its types, associations, upserts, errors, transactions, descriptions of tables.
// Prints one line per question, the same whichever server answers.
const { Sequelize, DataTypes, Op, QueryTypes } = require("sequelize");
const say = (w, v) => console.log(w + ": " + JSON.stringify(v));
(async () => {
  const s = new Sequelize(process.env.PGDATABASE, process.env.PGUSER, "x", {
    host: process.env.PGHOST,
    port: process.env.PGPORT,
    dialect: "postgres",
    logging: (q) => process.env.LOGQ && console.log(q),
  });
  await s.authenticate();
  say("version", (await s.databaseVersion()).split(".")[0]);
  const A = s.define(
    "author",
    {
      name: { type: DataTypes.STRING(80), allowNull: false, unique: true, comment: "full" },
      data: DataTypes.JSONB,
      tags: DataTypes.ARRAY(DataTypes.STRING),
      mood: DataTypes.ENUM("sad", "ok"),
      span: DataTypes.RANGE(DataTypes.DATE),
      nums: DataTypes.RANGE(DataTypes.INTEGER),
      fee: DataTypes.DECIMAL(10, 2),
      uid: { type: DataTypes.UUID, defaultValue: DataTypes.UUIDV4 },
      ip: DataTypes.INET,
      big: DataTypes.BIGINT,
      day: DataTypes.DATEONLY,
      tm: DataTypes.TIME,
      blob: DataTypes.BLOB,
      ok: { type: DataTypes.BOOLEAN, defaultValue: true },
      dbl: DataTypes.DOUBLE,
      ci: DataTypes.TEXT,
    },
    {
      paranoid: true,
      indexes: [
        { fields: ["data"], using: "gin" },
        { fields: [s.fn("lower", s.col("name"))], name: "lower_name" },
        { fields: ["big"], where: { big: { [Op.gt]: 5 } } },
      ],
    },
  );
  const B = s.define("book", { title: DataTypes.TEXT });
  A.hasMany(B, { onDelete: "CASCADE" });
  B.belongsTo(A);
  await s.sync({ force: true });
  const a = await A.create({
    name: "Ann",
    data: { x: [1, null] },
    tags: ["p", "q"],
    mood: "ok",
    span: [new Date(0), new Date(86400000)],
    nums: [1, 5],
    fee: "1.50",
    ip: "10.0.0.1",
    big: "9007199254740993",
    day: "2024-02-29",
    tm: "10:11:12",
    blob: Buffer.from([0, 255]),
    dbl: 1.5,
  });
  const b = await a.createBook({ title: "One" });
  const strip = (o) => {
    const j = JSON.parse(JSON.stringify(o));
    for (const k of ["createdAt", "updatedAt", "uid"]) delete j[k];
    if (j.books)
      j.books.forEach((x) => {
        delete x.createdAt;
        delete x.updatedAt;
      });
    return j;
  };
  say("author", strip(await A.findByPk(a.id, { include: B })));
  say("json", await A.count({ where: { data: { [Op.contains]: { x: [1] } } } }));
  say("arr", await A.count({ where: { tags: { [Op.overlap]: ["p"] } } }));
  say("range", await A.count({ where: { nums: { [Op.contains]: 3 } } }));
  say("ilike", await A.count({ where: { name: { [Op.iLike]: "%NN" } } }));
  say("any", await A.count({ where: { id: { [Op.in]: [1, 2] } } }));
  say("focu", (await A.findOrCreate({ where: { name: "Bea" }, defaults: { big: 3 } }))[1]);
  say("upsert", (await A.upsert({ id: a.id, name: "Ann2" }))[1]);
  say(
    "bulk",
    (await B.bulkCreate([{ title: "x" }, { title: "y" }], { returning: true })).map((x) => x.id),
  );
  say(
    "update",
    await B.update({ title: "z" }, { where: { title: "x" }, returning: true }).then((r) => [r[0], r[1].length]),
  );
  say("inc", (await a.increment("dbl")).dbl);
  say(
    "agg",
    await B.findAll({
      attributes: ["authorId", [s.fn("COUNT", s.col("id")), "n"]],
      group: ["authorId"],
      order: ["authorId"],
      raw: true,
    }),
  );
  try {
    await A.create({ name: "Ann2" });
  } catch (e) {
    say("unique", [e.name, e.errors.map((x) => [x.path, x.value]), e.parent.code]);
  }
  try {
    await B.create({ title: "q", authorId: 99 });
  } catch (e) {
    say("fk", [e.name, e.table, e.fields, e.index]);
  }
  try {
    await s.query("select 1/0");
  } catch (e) {
    say("div", [e.name, e.message]);
  }
  await s.transaction({ isolationLevel: "SERIALIZABLE" }, async (t) => {
    await s.transaction({ transaction: t }, async (u) => {
      await B.create({ title: "in" }, { transaction: u });
    });
    say("lock", (await A.findByPk(a.id, { transaction: t, lock: t.LOCK.UPDATE, skipLocked: true })).name);
  });
  const q = s.getQueryInterface();
  say("tables", (await q.showAllTables()).sort());
  const d = await q.describeTable("authors");
  say("describe", d);
  const ix = await q.showIndex("authors");
  say("index", ix.map((i) => [i.name, i.primary, i.unique, i.fields.map((f) => f.attribute), i.definition]).sort());
  say(
    "fks",
    (await q.getForeignKeyReferencesForTable("books")).map((f) => [
      f.constraintName,
      f.columnName,
      f.referencedTableName,
      f.referencedColumnName,
    ]),
  );
  say("constraints", (await q.showConstraint("books"))
    .filter((c) => !c.constraintName.endsWith("_not_null"))
    .map((c) => [c.constraintName, c.constraintType])
    .sort());
  await q.addColumn("books", "pages", { type: DataTypes.INTEGER, defaultValue: 7 });
  await q.renameColumn("books", "pages", "leaves");
  await q.changeColumn("books", "leaves", { type: DataTypes.BIGINT, allowNull: false, defaultValue: 8 });
  await q.addConstraint("books", { type: "check", fields: ["leaves"], where: { leaves: { [Op.gt]: 0 } } });
  await q.addIndex("books", ["leaves"], { concurrently: true });
  await q.removeColumn("books", "leaves");
  say("enums", await s.query("SELECT enumlabel FROM pg_enum ORDER BY 1", { type: QueryTypes.SELECT }));
  say("schemas", await q.showAllSchemas());
  await A.truncate({ cascade: true, restartIdentity: true });
  say("n", await A.count({ paranoid: false }));
  await s.close();
})().catch((e) => {
  console.log("FAILED", e.stack, e.sql);
  process.exit(1);
});
