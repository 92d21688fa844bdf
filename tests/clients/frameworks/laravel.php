<?php
// Laravel's database (Eloquent, query and schema builders) and what Doctrine's DBAL reads of its tables.
// Prints one line per question, the same whichever server answers.
foreach (
    ["Illuminate/Database/autoload.php", "Illuminate/Events/autoload.php", "Illuminate/Pagination/autoload.php"]
    as $f
) {
    if (file_exists("/usr/share/php/$f")) {
        require_once "/usr/share/php/$f";
    }
}
use Illuminate\Database\Capsule\Manager as DB;
use Illuminate\Database\Schema\Blueprint;
$c = new DB();
$c->addConnection([
    "driver" => "pgsql",
    "host" => getenv("PGHOST"),
    "port" => getenv("PGPORT"),
    "username" => getenv("PGUSER"),
    "database" => getenv("PGDATABASE"),
    "charset" => "utf8",
    "search_path" => "public",
    "sslmode" => "disable",
    "timezone" => "UTC",
    "application_name" => "laravel",
]);
$c->setAsGlobal();
$c->bootEloquent();
function say($w, $v)
{
    echo "$w: " . json_encode($v, JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE) . "\n";
}
$s = DB::schema();
$s->dropIfExists("books");
$s->dropIfExists("authors");
$s->create("authors", function (Blueprint $t) {
    $t->id();
    $t->string("name", 80)->comment("full name");
    $t->json("data")->nullable();
    $t->jsonb("more")->default("{}");
    $t->uuid("token")->nullable();
    $t->ipAddress("ip")->nullable();
    $t->macAddress("mac")->nullable();
    $t->enum("mood", ["sad", "ok"])->default("ok");
    $t->decimal("fee", 10, 2)->nullable();
    $t->boolean("live")->default(true);
    $t->binary("blob")->nullable();
    $t->timestampTz("seen")->useCurrent();
    $t->integer("twice")->storedAs("id * 2");
    $t->timestamps();
    $t->softDeletes();
    $t->unique(["name", "token"]);
});
$s->create("books", function (Blueprint $t) {
    $t->increments("id");
    $t->foreignId("author_id")->constrained()->cascadeOnDelete();
    $t->text("title")->index();
    $t->float("score")->nullable();
    $t->date("day")->nullable();
    $t->time("hour")->nullable();
    $t->year("year")->nullable();
});
$s->table("books", function (Blueprint $t) {
    $t->string("isbn")->nullable();
    $t->renameColumn("score", "rating");
    $t->rawIndex("lower(title)", "books_lower");
});
say("has", [
    $s->hasTable("books"),
    $s->hasTable("nope"),
    $s->hasColumn("books", "rating"),
    $s->getColumnListing("books"),
    $s->getColumnType("books", "title"),
    $s->getAllTables() ? count($s->getAllTables()) : 0,
]);
say("tables", array_map(fn($t) => (array) $t, $s->getAllTables()));
say("views", $s->getAllViews());
class Author extends Illuminate\Database\Eloquent\Model
{
    protected $guarded = [];
    protected $casts = ["data" => "array", "more" => "array"];
    use Illuminate\Database\Eloquent\SoftDeletes;
    function books()
    {
        return $this->hasMany(Book::class);
    }
}
class Book extends Illuminate\Database\Eloquent\Model
{
    public $timestamps = false;
    protected $guarded = [];
    function author()
    {
        return $this->belongsTo(Author::class);
    }
}
$a = Author::create([
    "name" => "Änn",
    "data" => ["x" => [1, null]],
    "fee" => "3.145",
    "ip" => "10.0.0.1",
    "mac" => "08:00:2b:01:02:03",
]);
$b = $a
    ->books()
    ->create(["title" => "One", "rating" => 1.5, "day" => "2024-02-29", "hour" => "10:11:12", "year" => 2024]);
$r = Author::with("books")->find($a->id)->toArray();
unset($r["created_at"], $r["updated_at"], $r["seen"]);
say("author", $r);
say("jsonwhere", Author::where("data->x->0", 1)->count());
say("jsoncontains", Author::whereJsonContains("data->x", 1)->count());
say("jsonlen", Author::whereJsonLength("data->x", 2)->count());
say("ilike", Author::where("name", "ilike", "%NN")->pluck("name"));
say("date", Book::whereYear("day", 2024)->whereMonth("day", "02")->count());
say(
    "upsert",
    DB::table("books")->upsert([["id" => $b->id, "author_id" => $a->id, "title" => "Two"]], ["id"], ["title"]),
);
say("ignore", DB::table("books")->insertOrIgnore([["id" => $b->id, "author_id" => $a->id, "title" => "Three"]]));
say("getid", DB::table("books")->insertGetId(["author_id" => $a->id, "title" => "Four"]));
say("agg", [Book::max("id"), Book::avg("rating"), Book::sum("rating"), Book::count()]);
say(
    "group",
    DB::table("books")
        ->join("authors", "authors.id", "=", "books.author_id")
        ->groupBy("name")
        ->havingRaw("count(*) > ?", [0])
        ->select("name", DB::raw("count(*) as n"))
        ->get(),
);
say("lock", DB::transaction(fn() => Author::lockForUpdate()->find($a->id)->name));
say("shared", DB::transaction(fn() => Author::sharedLock()->find($a->id)->name));
try {
    DB::transaction(function () use ($a) {
        $a->update(["name" => "no"]);
        DB::transaction(function () {
            DB::statement("select 1/0");
        });
    });
} catch (Exception $e) {
    say("error", [$e->getCode(), explode("\n", $e->getMessage())[0]]);
}
say("still", $a->fresh()->name);
try {
    DB::table("authors")->insert(["name" => "x", "mood" => "angry"]);
} catch (Exception $e) {
    say("check", [$e->getCode(), explode("\n", $e->getMessage())[0]]);
}
try {
    DB::table("books")->insert(["author_id" => 99, "title" => "x"]);
} catch (Exception $e) {
    say("fk", [$e->getCode(), explode("\n", $e->getMessage())[0]]);
}
say("paginate", Book::orderBy("id")->forPage(1, 1)->pluck("title"));
say(
    "chunk",
    (function () {
        $n = 0;
        Book::orderBy("id")->chunk(1, function ($x) use (&$n) {
            $n++;
        });
        return $n;
    })(),
);
say("cursor", iterator_count(Book::cursor()->getIterator()));
say("increment", Book::where("id", $b->id)->increment("year", 2));
say("exists", Book::where("title", "Two")->exists());
say("union", Book::select("title")->union(Book::select("title"))->orderBy("title")->pluck("title"));
say("random", Book::inRandomOrder()->count());
say("fulltext", DB::table("books")->whereFullText("title", "four")->count());
try {
    DB::table("books")->truncate();
    say("truncated", Book::count());
} catch (Exception $e) {
    say("truncate", $e->getMessage());
}
$s->disableForeignKeyConstraints();
$s->enableForeignKeyConstraints();
foreach (["authors", "books"] as $t) {
    $m = DB::connection()->getDoctrineSchemaManager();
    $m->getDatabasePlatform()->registerDoctrineTypeMapping("inet", "string");
    $m->getDatabasePlatform()->registerDoctrineTypeMapping("macaddr", "string");
    foreach ($m->listTableColumns($t) as $k => $col) {
        say("$t.$k", [
            $col->getType()->getName(),
            $col->getLength(),
            $col->getPrecision(),
            $col->getScale(),
            $col->getNotnull(),
            $col->getDefault(),
            $col->getAutoincrement(),
            $col->getComment(),
            $col->getPlatformOptions(),
        ]);
    }
    $indexes = $m->listTableIndexes($t);
    ksort($indexes);
    foreach ($indexes as $i) {
        say("index", [$i->getName(), $i->getColumns(), $i->isUnique(), $i->isPrimary(), $i->getOptions()]);
    }
    foreach ($m->listTableForeignKeys($t) as $f) {
        say("fk", [
            $f->getName(),
            $f->getLocalColumns(),
            $f->getForeignTableName(),
            $f->getForeignColumns(),
            $f->getOptions(),
        ]);
    }
}
say(
    "sequences",
    array_map(fn($q) => [$q->getName(), $q->getAllocationSize(), $q->getInitialValue()], $m->listSequences()),
);
$names = $m->listTableNames();
sort($names);
say("names", $names);
say("dbs", in_array(getenv("PGDATABASE"), $m->listDatabases()));
say("schemas", $m->listSchemaNames());
$s->dropAllViews();
$s->dropAllTables();
say("gone", $s->getAllTables());
