// A day's work of node-postgres. Every check prints one line: "ok NAME", or "failed NAME: why". The server's address
// comes from libpq's environment variables.
'use strict';

const assert = require('node:assert/strict');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const copy = require('pg-copy-streams');

const checks = {
  async values(client) {
    const day = new Date('2024-02-29T12:34:56.789Z');
    const asked = 'SELECT $1::int AS a, $2::text AS b, $3::float8 AS c, $4::bool AS d, $5::timestamptz AS e, $6::jsonb AS f,'
      + ' $7::int[] AS g, $8::bytea AS h, $9::numeric AS i, $10::text AS j';
    const given = [5, 'é\'', 1.5, true, day, { a: [1, null] }, [1, 2, null], Buffer.from([0, 255]), '12.50', null];
    const { rows, fields } = await client.query(asked, given);
    assert.deepEqual(rows, [{
      a: 5, b: 'é\'', c: 1.5, d: true, e: day, f: { a: [1, null] }, g: [1, 2, null], h: Buffer.from([0, 255]), i: '12.50',
      j: null,
    }]);
    assert.deepEqual(fields.map((field) => field.dataTypeID), [23, 25, 701, 16, 1184, 3802, 1007, 17, 1700, 25]);
  },
  async named_statements(client) {
    await client.query('CREATE TEMPORARY TABLE t (a int PRIMARY KEY, b text)');
    for (let n = 0; n < 20; n += 1) {
      const { rows } = await client.query({ name: 'put', text: 'INSERT INTO t VALUES ($1, $2) RETURNING a * 2 AS twice', values: [n, `${n}`] });
      assert.equal(rows[0].twice, 2 * n);
    }
    const { rows, rowCount } = await client.query({ text: 'SELECT * FROM t WHERE a > $1 ORDER BY a', values: [17], rowMode: 'array' });
    assert.deepEqual([rows, rowCount], [[[18, '18'], [19, '19']], 2]);
  },
  async several_statements(client) {
    const results = await client.query('SELECT 1 AS a; SELECT 2 AS b, 3 AS c');
    assert.deepEqual(results.map((result) => result.rows), [[{ a: 1 }], [{ b: 2, c: 3 }]]);
  },
  async transactions(client) {
    await client.query('CREATE TABLE IF NOT EXISTS node_t (a int UNIQUE)');
    await client.query('BEGIN');
    await client.query('INSERT INTO node_t VALUES (1)');
    const error = await client.query('INSERT INTO node_t VALUES (1)').catch((problem) => problem);
    assert.deepEqual([error.code, error.constraint, error.table], ['23505', 'node_t_a_key', 'node_t']);
    assert.equal((await client.query('SELECT 1').catch((problem) => problem)).code, '25P02');
    await client.query('ROLLBACK');
    assert.equal((await client.query('SELECT count(*)::int AS n FROM node_t')).rows[0].n, 0);
  },
  async error_places(client) {
    const error = await client.query('SELECT nothing FROM pg_class').catch((problem) => problem);
    assert.deepEqual([error.code, error.position, error.severity], ['42703', '8', 'ERROR']);
  },
  async cursors(client) {
    const cursor = client.query(new Cursor('SELECT i FROM generate_series(1, $1::int) i', [100]));
    assert.equal((await cursor.read(30)).length, 30);
    assert.equal((await cursor.read(100)).length, 70);
    await cursor.close();
  },
  async streams(client) {
    let sum = 0;
    for await (const row of client.query(new QueryStream('SELECT i FROM generate_series(1, 5000) i', [], { batchSize: 77 }))) sum += row.i;
    assert.equal(sum, 12502500);
  },
  async copies(client) {
    await client.query('CREATE TEMPORARY TABLE c (a int, b text)');
    const lines = Array.from({ length: 3000 }, (_, n) => `${n}\tword ${n}\n`);
    await pipeline(Readable.from(lines), client.query(copy.from('COPY c FROM STDIN')));
    let text = '';
    for await (const chunk of client.query(copy.to('COPY c TO STDOUT (FORMAT csv)'))) text += chunk;
    assert.equal(text.split('\n').length, 3001);
    const failing = pipeline(Readable.from(['1\tx\n', 'two\ty\n']), client.query(copy.from('COPY c FROM STDIN')));
    assert.equal((await failing.catch((problem) => problem)).code, '22P02');
    assert.equal((await client.query('SELECT count(*)::int AS n FROM c')).rows[0].n, 3000);
  },
  async notifications(client) {
    const heard = new Promise((resolve) => { client.on('notification', resolve); });
    await client.query('LISTEN node');
    await client.query("SELECT pg_notify('node', 'hello')");
    const { channel, payload } = await heard;
    assert.deepEqual([channel, payload], ['node', 'hello']);
  },
  async pools() {
    const pool = new Pool({ max: 5, application_name: 'node pool', statement_timeout: 5000, options: '-c search_path=public' });
    const found = await Promise.all(Array.from({ length: 40 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
    assert.deepEqual(found.map((result) => result.rows[0].n), Array.from({ length: 40 }, (_, n) => n));
    const { rows } = await pool.query("SELECT current_setting('application_name') AS a, current_setting('statement_timeout') AS s");
    assert.deepEqual(rows[0], { a: 'node pool', s: '5s' });
    await pool.end();
  },
};

async function main() {
  for (const [name, check] of Object.entries(checks)) {
    const client = new Client();
    try {
      await client.connect();
      await check(client);
      console.log(`ok ${name}`);
    } catch (problem) {
      console.log(`failed ${name}: ${String(problem.stack).replaceAll('\n', ' | ')}`);
    } finally {
      await client.end();
    }
  }
}

main();
