import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * A day's work of the PostgreSQL JDBC driver. Every check runs in a fresh connection and prints one line: "ok NAME", or
 * "failed NAME: why". Arguments: the URL, user, password, a CSV file of orders and how many it holds.
 */
public final class DayOfWork {
    private interface Check {
        void run(Connection connection) throws Exception;
    }

    private final String url;
    private final Properties properties = new Properties();
    private final Path orders;
    private final long orderCount;

    private DayOfWork(String[] arguments) {
        url = arguments[0];
        properties.setProperty("user", arguments[1]);
        properties.setProperty("password", arguments[2]);
        orders = Path.of(arguments[3]);
        orderCount = Long.parseLong(arguments[4]);
    }

    public static void main(String[] arguments) {
        DayOfWork day = new DayOfWork(arguments);
        day.check("login", day::login);
        day.check("text_parameters", connection -> day.parameters(connection, 0));
        day.check("binary_parameters", connection -> day.parameters(connection, 8));
        day.check("nulls", day::nulls);
        day.check("arrays", day::arrays);
        day.check("transactions", day::transactions);
        day.check("isolation", day::isolation);
        day.check("copy_in_and_out", day::copyInAndOut);
        day.check("batch", day::batch);
        day.check("failed_batch", day::failedBatch);
        day.check("generated_keys", day::generatedKeys);
        day.check("several_statements", day::severalStatements);
        day.check("fetch_size", day::fetchSize);
        day.check("cancel", day::cancel);
        day.check("query_timeout", day::queryTimeout);
        day.check("error_fields", day::errorFields);
        day.check("changed_table", day::changedTable);
        day.check("result_metadata", day::resultMetadata);
        day.check("database_metadata", day::databaseMetadata);
        day.check("updatable_result", day::updatableResult);
        day.check("simple_query_mode", day::simpleQueryMode);
    }

    private void check(String name, Check work) {
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            work.run(connection);
            System.out.println("ok " + name);
        } catch (Exception | AssertionError problem) {
            StackTraceElement place = Arrays.stream(problem.getStackTrace())
                    .filter(each -> each.getClassName().equals("DayOfWork") && !each.getMethodName().equals("equal"))
                    .findFirst()
                    .orElse(problem.getStackTrace()[0]);
            String why = String.valueOf(problem).replace("\n", " | ");
            System.out.println("failed " + name + ": line " + place.getLineNumber() + ": " + why);
        }
    }

    private static void equal(Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    private static void execute(Connection connection, String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String each : statements) {
                statement.execute(each);
            }
        }
    }

    private static long number(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    private void login(Connection connection) throws Exception {
        DatabaseMetaData about = connection.getMetaData();
        equal("PostgreSQL", about.getDatabaseProductName());
        equal(15, about.getDatabaseMajorVersion());
        equal(properties.getProperty("user"), about.getUserName());
        equal("default", connection.getCatalog());
        equal("public", connection.getSchema());
        equal(true, connection.isValid(5));
        Properties wrong = new Properties();
        wrong.setProperty("user", properties.getProperty("user"));
        wrong.setProperty("password", "not it");
        try (Connection other = DriverManager.getConnection(url, wrong)) {
            throw new AssertionError("a wrong password was taken");
        } catch (PSQLException refused) {
            equal("28P01", refused.getSQLState());
        }
    }

    /** From the threshold on the driver names the statement and asks for binary results. */
    private void parameters(Connection connection, int runs) throws Exception {
        UUID id = UUID.fromString("12345678-1234-5678-1234-567812345678");
        OffsetDateTime instant = OffsetDateTime.of(2024, 2, 29, 23, 59, 59, 123456000, ZoneOffset.UTC);
        LocalDateTime local = LocalDateTime.of(1999, 12, 31, 1, 2, 3, 4000);
        String query = "SELECT ?::int2, ?::int4, ?::int8, ?::numeric, ?::float4, ?::float8, ?::bool, ?::text, "
                + "?::bytea, ?::date, ?::timestamp, ?::timestamptz, ?::uuid";
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            for (int run = 0; run <= runs; run++) {
                statement.setShort(1, (short) -7);
                statement.setInt(2, Integer.MIN_VALUE);
                statement.setLong(3, Long.MAX_VALUE);
                statement.setBigDecimal(4, new BigDecimal("12345678901234567890.123456789"));
                statement.setFloat(5, 0.1f);
                statement.setDouble(6, -1e300);
                statement.setBoolean(7, true);
                statement.setString(8, "Grüße \uD83D\uDE00 'quoted' \\");
                statement.setBytes(9, new byte[] {0, -1, 39, 92});
                statement.setObject(10, LocalDate.of(1, 1, 1));
                statement.setObject(11, local);
                statement.setObject(12, instant);
                statement.setObject(13, id);
                try (ResultSet row = statement.executeQuery()) {
                    equal(true, row.next());
                    equal((short) -7, row.getShort(1));
                    equal(Integer.MIN_VALUE, row.getInt(2));
                    equal(Long.MAX_VALUE, row.getLong(3));
                    equal(new BigDecimal("12345678901234567890.123456789"), row.getBigDecimal(4));
                    equal(0.1f, row.getFloat(5));
                    equal(-1e300, row.getDouble(6));
                    equal(true, row.getBoolean(7));
                    equal("Grüße \uD83D\uDE00 'quoted' \\", row.getString(8));
                    equal("[0, -1, 39, 92]", Arrays.toString(row.getBytes(9)));
                    equal(LocalDate.of(1, 1, 1), row.getObject(10, LocalDate.class));
                    equal(local, row.getObject(11, LocalDateTime.class));
                    equal(instant, row.getObject(12, OffsetDateTime.class));
                    equal(id, row.getObject(13));
                    equal(false, row.next());
                }
            }
        }
    }

    private void nulls(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?::int, ?::text, ?::date")) {
            for (int run = 0; run < 8; run++) {
                statement.setNull(1, Types.INTEGER);
                statement.setString(2, null);
                statement.setNull(3, Types.DATE);
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    equal(0, row.getInt(1));
                    equal(true, row.wasNull());
                    equal(null, row.getString(2));
                    equal(null, row.getDate(3));
                }
            }
        }
    }

    private void arrays(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE lists (id int, tags text[])");
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO lists VALUES (?, ?)")) {
            insert.setInt(1, 1);
            insert.setArray(2, connection.createArrayOf("text", new String[] {"a b", "c,d", null, "\"e\""}));
            equal(1, insert.executeUpdate());
        }
        try (PreparedStatement query = connection.prepareStatement("SELECT tags FROM lists WHERE id = ANY (?)")) {
            query.setArray(1, connection.createArrayOf("int4", new Integer[] {1, 2}));
            try (ResultSet row = query.executeQuery()) {
                row.next();
                Array found = row.getArray(1);
                equal("[a b, c,d, null, \"e\"]", Arrays.toString((String[]) found.getArray()));
            }
        }
    }

    private void transactions(Connection connection) throws Exception {
        execute(connection, "CREATE TABLE jdbc_steps (a int PRIMARY KEY)");
        try {
            connection.setAutoCommit(false);
            execute(connection, "INSERT INTO jdbc_steps VALUES (1)");
            Savepoint before = connection.setSavepoint("before");
            try {
                execute(connection, "INSERT INTO jdbc_steps VALUES (2), (1)");
                throw new AssertionError("a duplicate key was taken");
            } catch (PSQLException duplicate) {
                equal("23505", duplicate.getSQLState());
            }
            try {
                execute(connection, "SELECT 1");
                throw new AssertionError("a failed transaction went on");
            } catch (PSQLException aborted) {
                equal("25P02", aborted.getSQLState());
            }
            connection.rollback(before);
            execute(connection, "INSERT INTO jdbc_steps VALUES (3)");
            connection.commit();
            execute(connection, "INSERT INTO jdbc_steps VALUES (4)");
            connection.rollback();
            equal(4L, number(connection, "SELECT sum(a) FROM jdbc_steps"));
            connection.commit();
            connection.setAutoCommit(true);
        } finally {
            connection.setAutoCommit(true);
            execute(connection, "DROP TABLE jdbc_steps");
        }
    }

    private void isolation(Connection connection) throws Exception {
        equal(Connection.TRANSACTION_READ_COMMITTED, connection.getTransactionIsolation());
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        equal(Connection.TRANSACTION_SERIALIZABLE, connection.getTransactionIsolation());
        connection.setReadOnly(true);
        connection.setAutoCommit(false);
        try {
            execute(connection, "CREATE TABLE never (a int)");
            throw new AssertionError("a read-only transaction wrote");
        } catch (PSQLException refused) {
            equal("25006", refused.getSQLState());
        }
        connection.rollback();
    }

    private void copyInAndOut(Connection connection) throws Exception {
        execute(connection, "CREATE TABLE jdbc_orders (id int PRIMARY KEY, customer text NOT NULL, placed date "
                + "NOT NULL, shipped timestamptz, amount numeric(12, 2) NOT NULL, weight float8, "
                + "paid boolean NOT NULL, note text)");
        try {
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            try (var file = Files.newInputStream(orders)) {
                equal(orderCount, copy.copyIn("COPY jdbc_orders FROM STDIN (FORMAT csv, HEADER)", file));
            }
            equal(orderCount, number(connection, "SELECT count(*) FROM jdbc_orders"));
            StringWriter out = new StringWriter();
            equal(2L, copy.copyOut("COPY (SELECT id, paid FROM jdbc_orders WHERE id < 2 ORDER BY id) TO STDOUT", out));
            equal(2L, out.toString().lines().filter(line -> line.matches("[01]\t[tf]")).count());
            try {
                copy.copyIn("COPY jdbc_orders FROM STDIN", new java.io.StringReader("1\tbroken\n"));
                throw new AssertionError("a broken line was taken");
            } catch (PSQLException broken) {
                equal("22P04", broken.getSQLState());
            }
            equal(orderCount, number(connection, "SELECT count(*) FROM jdbc_orders"));
        } finally {
            execute(connection, "DROP TABLE jdbc_orders");
        }
    }

    private void batch(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE batched (a int, b text)");
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO batched VALUES (?, ?)")) {
            for (int row = 0; row < 2000; row++) {
                insert.setInt(1, row);
                insert.setString(2, "row " + row);
                insert.addBatch();
            }
            equal(2000L, Arrays.stream(insert.executeBatch()).asLongStream().sum());
        }
        connection.commit();
        equal(1999000L, number(connection, "SELECT sum(a) FROM batched"));
        connection.rollback();
    }

    private void failedBatch(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE refused (a int PRIMARY KEY)");
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO refused VALUES (?)")) {
            for (int value : new int[] {1, 2, 2, 3}) {
                insert.setInt(1, value);
                insert.addBatch();
            }
            insert.executeBatch();
            throw new AssertionError("a batch with a duplicate key was taken");
        } catch (BatchUpdateException problem) {
            equal("23505", problem.getSQLState());
            equal(4, problem.getUpdateCounts().length);
        }
        equal(0L, number(connection, "SELECT count(*) FROM refused"));
    }

    private void generatedKeys(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE keyed (id serial PRIMARY KEY, name text)");
        String insert = "INSERT INTO keyed (name) VALUES (?), (?)";
        try (PreparedStatement statement = connection.prepareStatement(insert, new String[] {"id"})) {
            statement.setString(1, "a");
            statement.setString(2, "b");
            equal(2, statement.executeUpdate());
            List<Integer> keys = new ArrayList<>();
            try (ResultSet rows = statement.getGeneratedKeys()) {
                while (rows.next()) {
                    keys.add(rows.getInt("id"));
                }
            }
            equal(List.of(1, 2), keys);
        }
    }

    private void severalStatements(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            String script = "SELECT 1; CREATE TEMPORARY TABLE two (a int); INSERT INTO two VALUES (1), (2)";
            equal(true, statement.execute(script));
            equal(false, statement.getMoreResults());
            equal(0, statement.getUpdateCount());
            equal(false, statement.getMoreResults());
            equal(2, statement.getUpdateCount());
            equal(false, statement.getMoreResults());
            equal(-1, statement.getUpdateCount());
        }
    }

    /** A portal that is suspended after every 500 rows, with another statement in between. */
    private void fetchSize(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(500);
            long sum = 0;
            int rows = 0;
            String query = "SELECT g, 'row ' || g FROM generate_series(1, 10000) AS g";
            try (ResultSet numbers = statement.executeQuery(query)) {
                while (numbers.next()) {
                    sum += numbers.getLong(1);
                    equal("row " + numbers.getLong(1), numbers.getString(2));
                    rows++;
                    if (rows == 1200) {
                        equal(5L, number(connection, "SELECT 5"));
                    }
                }
            }
            equal(10000, rows);
            equal(50005000L, sum);
        }
        connection.commit();
    }

    private void cancel(Connection connection) throws Exception {
        for (String query : List.of("SELECT pg_sleep(60)",
                "SELECT count(*) FROM generate_series(1, 10000000000) AS g WHERE g % 3 = 1")) {
            try (Statement statement = connection.createStatement()) {
                Thread canceller = new Thread(() -> {
                    try {
                        Thread.sleep(300);
                        statement.cancel();
                    } catch (InterruptedException | SQLException problem) {
                        System.out.println("failed cancel: " + problem);
                    }
                });
                canceller.start();
                try {
                    statement.execute(query);
                    throw new AssertionError("the statement ran to its end");
                } catch (PSQLException cancelled) {
                    equal("57014", cancelled.getSQLState());
                }
                canceller.join();
            }
            equal(1L, number(connection, "SELECT 1"));
        }
    }

    private void queryTimeout(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute("SELECT pg_sleep(60)");
            throw new AssertionError("the statement ran to its end");
        } catch (PSQLException cancelled) {
            equal("57014", cancelled.getSQLState());
        }
    }

    private void errorFields(Connection connection) throws Exception {
        execute(connection, "CREATE TABLE jdbc_parts (id int PRIMARY KEY, "
                + "size int CONSTRAINT size_fits CHECK (size < 10))");
        try {
            execute(connection, "INSERT INTO jdbc_parts VALUES (1, 1)");
            ServerErrorMessage duplicate = failure(connection, "INSERT INTO jdbc_parts VALUES (1, 1)");
            equal("23505", duplicate.getSQLState());
            equal("ERROR", duplicate.getSeverity());
            equal("Key (id)=(1) already exists.", duplicate.getDetail());
            equal("public", duplicate.getSchema());
            equal("jdbc_parts", duplicate.getTable());
            equal("jdbc_parts_pkey", duplicate.getConstraint());
            equal("size_fits", failure(connection, "UPDATE jdbc_parts SET size = 50").getConstraint());
            ServerErrorMessage unknown = failure(connection, "SELECT 'ä', sise FROM jdbc_parts");
            equal("42703", unknown.getSQLState());
            equal(13, unknown.getPosition());
            equal("Perhaps you meant to reference the column \"jdbc_parts.size\".", unknown.getHint());
        } finally {
            execute(connection, "DROP TABLE jdbc_parts");
        }
    }

    private static ServerErrorMessage failure(Connection connection, String statement) {
        try {
            execute(connection, statement);
        } catch (SQLException problem) {
            return ((PSQLException) problem).getServerErrorMessage();
        }
        throw new AssertionError("no error: " + statement);
    }

    private void changedTable(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE changing (a int)", "INSERT INTO changing VALUES (1)");
        try (PreparedStatement query = connection.prepareStatement("SELECT * FROM changing")) {
            for (int run = 0; run < 8; run++) {
                query.executeQuery().close();
            }
            execute(connection, "ALTER TABLE changing ADD COLUMN b text DEFAULT 'new'");
            try (ResultSet row = query.executeQuery()) {
                row.next();
                equal("new", row.getString(2));
            }
        }
    }

    private void resultMetadata(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE typed (a int NOT NULL, b varchar(20), c numeric(10, 2), d text)");
        String select = "SELECT a, b AS bee, c, d, a + 1 FROM typed WHERE a = ?";
        try (PreparedStatement query = connection.prepareStatement(select)) {
            ResultSetMetaData columns = query.getMetaData();
            equal(5, columns.getColumnCount());
            equal("bee", columns.getColumnLabel(2));
            equal("varchar", columns.getColumnTypeName(2));
            equal(20, columns.getPrecision(2));
            equal(10, columns.getPrecision(3));
            equal(2, columns.getScale(3));
            equal("int4", columns.getColumnTypeName(5));
            equal(Types.INTEGER, query.getParameterMetaData().getParameterType(1));
            equal("typed", columns.getTableName(1));
            equal(ResultSetMetaData.columnNoNulls, columns.isNullable(1));
            equal(ResultSetMetaData.columnNullable, columns.isNullable(2));
        }
    }

    private void databaseMetadata(Connection connection) throws Exception {
        execute(connection, "CREATE TABLE jdbc_described (id int PRIMARY KEY, "
                + "name varchar(20) NOT NULL, price numeric(8, 3))");
        try {
            DatabaseMetaData about = connection.getMetaData();
            try (ResultSet tables = about.getTables(null, "public", "jdbc_desc%", new String[] {"TABLE"})) {
                equal(true, tables.next());
                equal("jdbc_described", tables.getString("TABLE_NAME"));
                equal(false, tables.next());
            }
            List<String> columns = new ArrayList<>();
            try (ResultSet rows = about.getColumns(null, "public", "jdbc_described", null)) {
                while (rows.next()) {
                    columns.add(rows.getString("COLUMN_NAME") + " " + rows.getString("TYPE_NAME") + " "
                            + rows.getInt("COLUMN_SIZE") + " " + rows.getString("IS_NULLABLE"));
                }
            }
            equal(List.of("id int4 10 NO", "name varchar 20 NO", "price numeric 8 YES"), columns);
            try (ResultSet keys = about.getPrimaryKeys(null, "public", "jdbc_described")) {
                equal(true, keys.next());
                equal("id", keys.getString("COLUMN_NAME"));
                equal("jdbc_described_pkey", keys.getString("PK_NAME"));
            }
            try (ResultSet indexes = about.getIndexInfo(null, "public", "jdbc_described", true, false)) {
                equal(true, indexes.next());
                equal("jdbc_described_pkey", indexes.getString("INDEX_NAME"));
            }
        } finally {
            execute(connection, "DROP TABLE jdbc_described");
        }
    }

    private void updatableResult(Connection connection) throws Exception {
        execute(connection, "CREATE TEMPORARY TABLE edited (id int PRIMARY KEY, name text)",
                "INSERT INTO edited VALUES (1, 'old'), (2, 'gone')");
        int scroll = ResultSet.TYPE_SCROLL_INSENSITIVE;
        try (Statement statement = connection.createStatement(scroll, ResultSet.CONCUR_UPDATABLE);
                ResultSet rows = statement.executeQuery("SELECT id, name FROM edited ORDER BY id")) {
            rows.next();
            rows.updateString("name", "new");
            rows.updateRow();
            rows.next();
            rows.deleteRow();
        }
        equal(1L, number(connection, "SELECT count(*) FROM edited WHERE name = 'new'"));
        equal(1L, number(connection, "SELECT count(*) FROM edited"));
    }

    private void simpleQueryMode(Connection ignored) throws Exception {
        Properties simple = new Properties();
        simple.putAll(properties);
        simple.setProperty("preferQueryMode", "simple");
        try (Connection connection = DriverManager.getConnection(url, simple);
                PreparedStatement query = connection.prepareStatement("SELECT ? || ?, ?::int + 1")) {
            query.setString(1, "it's ");
            query.setString(2, "\\ fine");
            query.setInt(3, -5);
            try (ResultSet row = query.executeQuery()) {
                row.next();
                equal("it's \\ fine", row.getString(1));
                equal(-4, row.getInt(2));
            }
        }
    }
}
