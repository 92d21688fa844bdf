# ActiveRecord: migrations, what it reads of the schema, records, errors, transactions, the schema dump.
# Prints one line per question, the same whichever server answers.
require "active_record"
require "json"
conn = { adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"], database: ENV["PGDATABASE"] }
ActiveRecord::Base.establish_connection(conn)
ActiveRecord::Migration.verbose = false
def say(what, value) = puts("#{what}: #{JSON.generate(value)}")
c = ActiveRecord::Base.connection
say "version", c.database_version / 10000
say "extensions", c.extensions
m = Class.new(ActiveRecord::Migration[6.1]) do
  def up
    execute "CREATE TYPE feeling AS ENUM ('sad','ok')"
    create_table :authors, comment: "who writes" do |t|
      t.string :name, null: false, limit: 80
      t.jsonb :data, default: {}, null: false
      t.integer :scores, array: true, default: []
      t.daterange :active
      t.inet :ip
      t.uuid :token, default: -> { "gen_random_uuid()" }
      t.decimal :fee, precision: 10, scale: 2
      t.column :mood, "feeling", default: "ok"
      t.timestamps
    end
    create_table :books, id: :uuid do |t|
      t.references :author, null: false, foreign_key: { on_delete: :cascade }, type: :bigint
      t.text :title, comment: "on the cover"
      t.binary :cover
      t.interval :length
      t.bit :flags, limit: 8
      t.index [:title], unique: true, where: "title IS NOT NULL"
      t.index "lower(title) text_pattern_ops", name: "books_lower"
      t.index [:author_id, :title], order: { title: :desc }, name: "books_by"
      t.check_constraint "length(title) < 200", name: "short"
    end
    add_index :authors, :data, using: :gin
    add_column :books, :rank, :integer, default: 3
    change_column :books, :rank, :bigint, default: 4
    change_column_null :books, :rank, false, 1
    rename_column :books, :rank, :place
    add_index :books, :place
    rename_index :books, "index_books_on_place", "books_place"
    change_table_comment :books, "what is read"
  end
  def down
    drop_table :books
    drop_table :authors
    execute "DROP TYPE feeling"
  end
end
m.new.migrate(:up)

class Author < ActiveRecord::Base; has_many :books; end
class Book < ActiveRecord::Base; belongs_to :author; end
say "tables", c.tables.sort
say "views", c.views
say "primary keys", c.tables.sort.map { |t| [t, c.primary_key(t)] }
c.tables.sort.each do |t|
  say "columns of #{t}", c.columns(t).map { |x| [x.name, x.sql_type, x.type, x.limit, x.precision, x.scale, x.default, x.default_function, x.null, x.comment, (x.array? rescue nil), (x.serial? rescue nil)] }
  say "indexes of #{t}", c.indexes(t).sort_by(&:name).map { |x| [x.name, x.columns, x.unique, x.where, x.using, x.orders, x.opclasses, x.comment] }
  say "foreign keys of #{t}", c.foreign_keys(t).map { |x| [x.from_table, x.to_table, x.options] }
  say "checks of #{t}", c.check_constraints(t).map { |x| [x.name, x.expression] }
  say "comment of #{t}", c.table_comment(t)
end
a = Author.create!(name: "Ann", data: { "a" => [1, nil] }, scores: [1, 2], active: Date.new(2024, 1, 1)..Date.new(2024, 2, 1), ip: "10.0.0.0/8", fee: "12.345", mood: "sad")
b = a.books.create!(title: "One", cover: "\x00\xff".b, length: 3.days + 2.hours, flags: "10101010")
a.reload; b.reload
say "author", a.attributes.except("created_at", "updated_at", "token")
say "book", b.attributes.except("id", "created_at", "updated_at").transform_values { |v| v.is_a?(String) ? v.b.inspect : v.inspect }
say "upsert", Author.upsert_all([{ id: a.id, name: "Bea", created_at: Time.at(0), updated_at: Time.at(0) }], returning: %w[id name]).rows
say "pluck", Author.where("scores @> ARRAY[?]", [2]).pluck(:name)
say "join", Book.joins(:author).group("authors.name").count
say "lock", Author.lock("FOR UPDATE NOWAIT").find(a.id).name
begin; Book.create!(title: "One", author: a); rescue ActiveRecord::RecordNotUnique => e; say "unique", e.message.lines.first; end
begin; c.execute("INSERT INTO books (author_id, title) VALUES (999, 'x')"); rescue ActiveRecord::InvalidForeignKey => e; say "fk", e.message.lines.first; end
begin; c.execute("INSERT INTO books (title) VALUES ('x')"); rescue ActiveRecord::NotNullViolation => e; say "null", e.message.lines.first; end
begin; Author.create!(name: "x" * 100); rescue ActiveRecord::ValueTooLong => e; say "long", e.message.lines.first; end
begin; c.execute("selec 1"); rescue ActiveRecord::StatementInvalid => e; say "syntax", e.message; end
Author.transaction { Author.transaction(requires_new: true) { a.update!(name: "no"); raise ActiveRecord::Rollback }; a.reload; say "savepoint", a.name }
Author.transaction(isolation: :serializable) { say "isolation", c.select_value("SHOW transaction_isolation") }
say "explain", Author.where(id: 1).explain.lines.first.strip.sub(/SELECT .*/, "SELECT")
say "advisory", [c.get_advisory_lock(42), c.release_advisory_lock(42)]
say "batches", (Author.insert_all((1..25).map { |i| { name: "n#{i}", created_at: Time.at(0), updated_at: Time.at(0) } }); Author.find_each(batch_size: 10).map(&:name).size)
require "stringio"
out = StringIO.new
ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, out)
puts out.string
c.disable_referential_integrity { c.execute("DELETE FROM authors") }
say "integrity", [Author.count, Book.count]
c.truncate_tables("authors", "books")
c.reset_pk_sequence!("authors")
say "pk", c.pk_and_sequence_for("authors").map(&:to_s)
say "encoding", [c.encoding, c.current_database == ENV["PGDATABASE"], c.current_schema, c.schema_names, c.client_min_messages]
m.new.migrate(:down)
say "gone", c.tables
