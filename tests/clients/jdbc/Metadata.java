import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.List;

/** Prints what DatabaseMetaData says about a schema: a title line for each question, then a line for each row. */
public final class Metadata {
    private interface Question {
        ResultSet ask() throws SQLException;
    }

    private Metadata() {}

    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection(arguments[0], arguments[1], "")) {
            DatabaseMetaData data = connection.getMetaData();
            String schema = arguments[2];
            print("getSchemas", data::getSchemas);
            print("getCatalogs", data::getCatalogs);
            print("getTableTypes", data::getTableTypes);
            print("getTypeInfo", data::getTypeInfo);
            print("getTables", () -> data.getTables(null, schema, "%", null));
            print("getTables of a kind", () -> data.getTables(null, schema, "%", new String[] {"VIEW", "SEQUENCE"}));
            print("getColumns", () -> data.getColumns(null, schema, "%", "%"));
            for (String table : List.of("buyers", "goods", "stock", "orders", "lines", "staff", "bits")) {
                print("getPrimaryKeys " + table, () -> data.getPrimaryKeys(null, schema, table));
                print("getIndexInfo " + table, () -> data.getIndexInfo(null, schema, table, false, false));
                print("getImportedKeys " + table, () -> data.getImportedKeys(null, schema, table));
                print("getExportedKeys " + table, () -> data.getExportedKeys(null, schema, table));
                print("getBestRowIdentifier " + table,
                        () -> data.getBestRowIdentifier(null, schema, table, DatabaseMetaData.bestRowSession, false));
                print("getVersionColumns " + table, () -> data.getVersionColumns(null, schema, table));
            }
            print("getCrossReference", () -> data.getCrossReference(null, schema, "goods", null, schema, "stock"));
            print("getTablePrivileges", () -> data.getTablePrivileges(null, schema, "%"));
            print("getColumnPrivileges", () -> data.getColumnPrivileges(null, schema, "staff", "%"));
            print("getFunctions", () -> data.getFunctions(null, schema, "%"));
            print("getFunctionColumns", () -> data.getFunctionColumns(null, schema, "%", "%"));
            print("getProcedures", () -> data.getProcedures(null, schema, "%"));
            print("getProcedureColumns", () -> data.getProcedureColumns(null, schema, "%", "%"));
            print("getUDTs", () -> data.getUDTs(null, schema, "%", null));
            print("getClientInfoProperties", data::getClientInfoProperties);
            String[] facts = {
                data.getDatabaseProductName(), Integer.toString(data.getDatabaseMajorVersion()),
                Integer.toString(data.getMaxColumnNameLength()), Integer.toString(data.getDefaultTransactionIsolation()),
                data.getIdentifierQuoteString(), data.getSQLKeywords(), data.getNumericFunctions()
            };
            System.out.println("# facts\n" + String.join(" | ", facts));
        }
    }

    private static void print(String title, Question question) throws SQLException {
        System.out.println("# " + title);
        try (ResultSet rows = question.ask()) {
            ResultSetMetaData columns = rows.getMetaData();
            StringBuilder head = new StringBuilder();
            for (int number = 1; number <= columns.getColumnCount(); number++) {
                head.append(number > 1 ? " | " : "").append(columns.getColumnName(number)).append(':')
                        .append(columns.getColumnType(number));
            }
            System.out.println(head);
            while (rows.next()) {
                StringBuilder line = new StringBuilder();
                for (int number = 1; number <= columns.getColumnCount(); number++) {
                    String value = rows.getString(number);
                    line.append(number > 1 ? " | " : "").append(value == null ? "NULL" : value.replace("\n", "\\n"));
                }
                System.out.println(line);
            }
        }
    }
}
