# DBD::Pg: attributes of statements, catalog functions, COPY, notifications, cursors, errors.
# Prints one line per question, the same whichever server answers.
use strict;
use DBI;
use DBD::Pg qw(:pg_types);
$| = 1;
binmode STDOUT, ":encoding(UTF-8)";
my $d = DBI->connect( "dbi:Pg:", "", "", { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => -1 } );

sub say_ {
    my ( $w, @v ) = @_;
    print "$w: ", join(
        "|",
        map {
            defined $_
              ? (
                ref $_ eq 'ARRAY'
                ? "[" . join(
                    ",",
                    map {
                        defined $_ ? ( ref $_ ? "[" . join( ",", map { $_ // 'undef' } @$_ ) . "]" : $_ ) : 'undef'
                    } @$_
                  )
                  . "]"
                : ref $_ eq 'HASH' ? "{" . join( ",", map { "$_=" . ( $_[0] // '' ) } sort keys %$_ ) . "}"
                :                    $_
              )
              : 'undef'
        } @v
      ),
      "\n";
}
say_ "version", int( $d->{pg_server_version} / 10000 ), $d->{pg_standard_conforming_strings}, $d->{pg_db} ne '';
$d->do("set client_min_messages=error");
$d->do("drop table if exists t2,t cascade");
$d->do(
"create table t(id serial primary key, name varchar(10) not null default 'x', n numeric(8,2), b bytea, a int[], f boolean, ts timestamp(3), c char(4))"
);
$d->do("create table t2(id int references t on delete cascade on update set null, k int, unique(k), check (k>0))");
$d->do("create index t_n on t(n desc) where n>0");
$d->do("comment on table t is 'tee'");
$d->do("comment on column t.name is 'the name'");
$d->do("create view v as select * from t");
my $s = $d->prepare("insert into t(name,n,b,a,f,ts) values(?,?,?,?,?,?) returning id");
$s->bind_param( 3, undef, { pg_type => PG_BYTEA } );
$s->execute( "h\x{e4}", 1.5, "\0\xff", [ 1, [2] ]->[0] ? [ 1, 2 ] : [], 1, '2024-02-29 10:11:12.3456' );
say_ "id",     $s->fetchrow_array;
say_ "row",    map { ref $_ ? $_ : $_ } ( $d->selectrow_array("select id,name,n,length(b),a,f,ts,c from t") );
say_ "lastid", $d->last_insert_id( undef, undef, "t", undef );
$s = $d->prepare("select * from t");
$s->execute;
say_ "NAME",   @{ $s->{NAME} };
say_ "TYPE",   @{ $s->{TYPE} };
say_ "PREC",   @{ $s->{PRECISION} };
say_ "SCALE",  @{ $s->{SCALE} };
say_ "NULL",   @{ $s->{NULLABLE} };
say_ "pgtype", @{ $s->{pg_type} };
say_ "size",   @{ $s->{pg_size} };

for my $q (
    [ "tables", $d->table_info( '', 'public', '%', 'TABLE,VIEW' ) ],
    [ "cols",   $d->column_info( '', 'public', 't', '%' ) ],
    [ "pk",     $d->primary_key_info( '', 'public', 't' ) ],
    [ "fk",     $d->foreign_key_info( undef, undef, undef, undef, undef, 't2' ) ],
    [ "stat",   $d->statistics_info( undef, 'public', 't', 0, 0 ) ]
  )
{
    my ( $n, $h ) = @$q;
    next unless $h;
    while ( my $r = $h->fetchrow_arrayref ) {
        my @row = @$r;
        $row[11] = "pages" if $n eq "stat";
        say_ $n, @row;
    }
}
say_ "tablesall", scalar @{ [ $d->tables( '', 'public', '', '' ) ] };
say_ "types",     scalar @{ $d->type_info_all };
say_ "pks",       $d->primary_key( '', 'public', 't' );
say_ "schemas",
  map { $_->[1] }
  grep { $_->[1] !~ /^pg_temp|^pg_toast_temp/ } @{ $d->table_info( '', '%', '', '' )->fetchall_arrayref };
{ my $p = $d->prepare('select :x::int * 2'); $p->bind_param( ':x', 21 ); $p->execute; say_ "named", $p->fetchrow_array }
$d->begin_work;
$d->pg_savepoint("sp");
eval { $d->do("insert into t2 values(99,1)") };
say_ "err", $d->state, $d->err, $d->errstr =~ /^(.*)$/m, $d->pg_error_field('constraint'), $d->pg_error_field('table');
$d->pg_rollback_to("sp");
$d->pg_release("sp");
$d->commit;
say_ "ping", $d->ping, $d->pg_ping, $d->state;
$d->do("copy t(name,n) from stdin");
$d->pg_putcopydata("cp\t1\n");
$d->pg_putcopydata("c2\t\\N\n");
$d->pg_putcopyend;
$d->do("copy (select name,n from t order by id) to stdout csv");
my $l;
while ( $d->pg_getcopydata($l) >= 0 ) { print "copy $l" }
$d->do("listen x");
$d->do("notify x,'p'");
my $n = $d->pg_notifies;
say_ "notify", $n->[0], $n->[2];
say_ "quote", $d->quote("a'b\\"), $d->quote( "\0\1", { pg_type => PG_BYTEA } ), $d->quote_identifier("a\"b");
{
    local $d->{AutoCommit} = 0;
    my $c = $d->prepare("declare cu cursor for select generate_series(1,5)");
    $c->execute;
    say_ "cursor", map { $_->[0] } @{ $d->selectall_arrayref("fetch 3 from cu") };
    $d->commit
}
my $st = $d->prepare("insert into t(name) values(?)");
my @st;
say_ "array",          $st->execute_array( { ArrayTupleStatus => \@st }, [ "p", "q", "r" ] );
say_ "rows",           $d->do("update t set n=0 where name in ('p','q')");
say_ "server_prepare", $d->{pg_server_prepare};
eval { $d->do("select 1/0") };
say_ "div", $d->state;
eval { $d->prepare("select nope from t")->execute };
say_ "pos", $d->state, $d->pg_error_field('statement_position');
