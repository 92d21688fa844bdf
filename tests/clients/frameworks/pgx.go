// pgx 4 and lib/pq: every type, batches, COPY, notifications, prepared statements, errors, several results.
// Prints one line per question, the same whichever server answers.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	pgx "github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
	"github.com/lib/pq"
	_ "github.com/lib/pq"
	"os"
	"time"
)

func say(w string, v ...interface{}) {
	b, e := json.Marshal(v)
	if e != nil {
		b = []byte(fmt.Sprint(v))
	}
	fmt.Println(w + ": " + string(b))
}
func must(e error) {
	if e != nil {
		fmt.Println("FAILED", e)
		os.Exit(1)
	}
}
func main() {
	ctx := context.Background()
	p, e := pgxpool.Connect(ctx, "application_name=pgx pool_max_conns=3")
	must(e)
	defer p.Close()
	_, e = p.Exec(ctx, `drop table if exists t; drop type if exists mood; create type mood as enum ('sad','ok'); create type pair as (a int, b text); create domain pos as int check (value>0); create table t (id bigserial primary key, b bool, i2 int2, i4 int4, f4 float4, f8 float8, n numeric(12,3), s text, v varchar(5), c char(3), by bytea, d date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, ip inet, ci cidr, mc macaddr, bt varbit, r int4range, nr numrange, tr tstzrange, ia int4[], sa text[], m mood, p pos, pr pair, h "char", o oid, nm name)`)
	must(e)
	now := time.Date(2024, 2, 29, 10, 11, 12, 345000000, time.UTC)
	var id int64
	e = p.QueryRow(ctx, `insert into t(b,i2,i4,f4,f8,n,s,v,c,by,d,tm,ts,tz,iv,u,j,jb,ip,ci,mc,bt,r,nr,tr,ia,sa,m,p) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29) returning id`,
		true, int16(-3), int32(7), float32(1.5), 2.25, "12.345", "häl\x01lo", "abc", "ab", []byte{0, 255}, now, "10:11:12.5", now, now, 36*time.Hour, "11111111-2222-3333-4444-555555555555", map[string]int{"a": 1}, `{"b": [1, null]}`, "10.1.2.3/8", "10.0.0.0/8", "08:00:2b:01:02:03", "1011", "[1,5)", "(1.5,2.5]", `["2024-01-01 00:00:00+00",)`, []int32{1, 2, 3}, []string{"x", `q"`}, "ok", 5).Scan(&id)
	must(e)
	say("id", id)
	rows, e := p.Query(ctx, "select * from t")
	must(e)
	for _, f := range rows.FieldDescriptions() {
		say("field", string(f.Name), f.DataTypeOID > 16384 || f.DataTypeOID == 0, f.DataTypeSize, f.TypeModifier, f.Format)
	}
	for rows.Next() {
		v, e := rows.Values()
		must(e)
		for i := range v {
			fmt.Printf("%T ", v[i])
			say("value", v[i])
		}
	}
	must(rows.Err())
	n, e := p.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"i4", "s", "tz"}, pgx.CopyFromRows([][]interface{}{{int32(1), "a", now}, {int32(2), nil, nil}}))
	must(e)
	say("copied", n)
	b := &pgx.Batch{}
	b.Queue("select count(*) from t")
	b.Queue("insert into t(s) values($1) returning s", "batch")
	b.Queue("select 1/0")
	b.Queue("select 2")
	br := p.SendBatch(ctx, b)
	var c int
	var s string
	must(br.QueryRow().Scan(&c))
	must(br.QueryRow().Scan(&s))
	e = br.QueryRow().Scan(&c)
	var pe *pgconn.PgError
	errors.As(e, &pe)
	say("batch", c, s, pe.Code, pe.Message)
	say("after", br.QueryRow().Scan(&c) != nil, br.Close() != nil)
	must(p.QueryRow(ctx, "select count(*) from t").Scan(&c))
	say("count", c)
	e = p.BeginTxFunc(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite, DeferrableMode: pgx.NotDeferrable}, func(tx pgx.Tx) error {
		n, e := tx.Begin(ctx)
		must(e)
		_, e = n.Exec(ctx, "insert into t(p) values (-1)")
		errors.As(e, &pe)
		say("check", pe.Code, pe.ConstraintName, pe.DataTypeName, pe.TableName, pe.SchemaName, pe.Position)
		must(n.Rollback(ctx))
		_, e = tx.Exec(ctx, "update t set s = s || $1 where id = $2", "!", id)
		return e
	})
	must(e)
	cn, e := p.Acquire(ctx)
	must(e)
	_, e = cn.Exec(ctx, "listen ch")
	must(e)
	_, e = p.Exec(ctx, "select pg_notify('ch', $1)", "hey")
	must(e)
	nt, e := cn.Conn().WaitForNotification(ctx)
	must(e)
	say("notify", nt.Channel, nt.Payload)
	sd, e := cn.Conn().Prepare(ctx, "ps", "select $1::int4[] @> $2, $3::pair, n from t where m = $4 and d >= $5")
	must(e)
	say("prepared", len(sd.ParamOIDs), sd.ParamOIDs[0], sd.ParamOIDs[1], sd.ParamOIDs[4], len(sd.Fields), sd.Fields[0].DataTypeOID)
	cx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	_, e = cn.Exec(cx, "select pg_sleep(5)")
	say("timeout", e != nil)
	cancel()
	cn.Release()
	for _, mode := range []bool{true, false} {
		cfg, _ := pgx.ParseConfig("")
		cfg.PreferSimpleProtocol = mode
		k, e := pgx.ConnectConfig(ctx, cfg)
		must(e)
		var a []string
		var nn pgtype.Numeric
		must(k.QueryRow(ctx, "select $1::text[], $2::numeric", []string{"a'b", "c\\"}, "1.50").Scan(&a, &nn))
		say("simple", a, nn.Int, nn.Exp)
		k.Close(ctx)
	}
	tag, e := p.Exec(ctx, "delete from t where id > $1", id)
	must(e)
	say("tag", tag.String())
	db, e := sql.Open("postgres", "sslmode=disable binary_parameters=no")
	must(e)
	defer db.Close()
	var arr []string
	must(db.QueryRow("select sa from t where id=$1", id).Scan(pq.Array(&arr)))
	say("pq", arr)
	tx, _ := db.Begin()
	st, e := tx.Prepare(pq.CopyIn("t", "i4", "s"))
	must(e)
	_, e = st.Exec(1, "x\ty")
	must(e)
	_, e = st.Exec(2, nil)
	must(e)
	_, e = st.Exec()
	must(e)
	must(st.Close())
	must(tx.Commit())
	must(db.QueryRow("select count(*) from t").Scan(&c))
	say("pq copy", c)
	_, e = db.Exec("insert into t(id) values ($1)", id)
	if q, ok := e.(*pq.Error); ok {
		say("pq error", q.Code, q.Constraint, q.Detail, q.Severity, q.Code.Name())
	}
	db2, _ := sql.Open("postgres", "sslmode=disable binary_parameters=yes")
	var x int
	must(db2.QueryRow("select $1::int + 1", 41).Scan(&x))
	say("pq binary", x)
	rs, e := db.Query("select 1; select 'two'")
	must(e)
	for {
		for rs.Next() {
			var z string
			must(rs.Scan(&z))
			say("set", z)
		}
		if !rs.NextResultSet() {
			break
		}
	}
	l := pq.NewListener("sslmode=disable", time.Second, time.Minute, nil)
	must(l.Listen("ch"))
	db.Exec("notify ch, 'pq'")
	select {
	case m := <-l.Notify:
		say("pq notify", m.Extra)
	case <-time.After(5 * time.Second):
		say("pq notify", "none")
	}
	l.Close()
	_, e = p.Exec(ctx, "drop table t; drop type mood; drop type pair; drop domain pos")
	must(e)
}
