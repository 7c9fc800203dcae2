/* The database of a hub before devices (schema version 1), as that hub wrote it: it is opened,
 * brought to today's schema, and nothing of it is lost. */
#include "tests/unit/devices_help.h"

#include "gateway/hub/registry/registry.h"

/* What a hub of version 1 left after OpenTunnel (three times), CloseTunnel (with and without
 * delete), RotateTunnelAccessToken and UntagResource, killed while it ran. */
static const char version_1[] =
    "PRAGMA application_id = 1953853032;"
    "PRAGMA user_version = 1;"
    "CREATE TABLE services (    tunnel INTEGER NOT NULL,    position INTEGER NOT NULL,    nam"
    "e TEXT NOT NULL,    PRIMARY KEY (tunnel, position)) STRICT, WITHOUT ROWID;"
    "INSERT INTO \"services\" VALUES(1,0,'SSH1');"
    "INSERT INTO \"services\" VALUES(1,1,'HTTP1');"
    "CREATE TABLE sides (    tunnel INTEGER NOT NULL,    side INTEGER NOT NULL,    token BLOB"
    " NOT NULL,    used INTEGER NOT NULL,    client BLOB,    connected INTEGER NOT NULL,    c"
    "hanged INTEGER NOT NULL,    PRIMARY KEY (tunnel, side)) STRICT, WITHOUT ROWID;"
    "INSERT INTO \"sides\" VALUES(1,0,X'F55D29A6B0B1CD5F09A7FCF5F23473712B368165D40E3685130B0"
    "75C0D433AC2',0,NULL,0,0);"
    "INSERT INTO \"sides\" VALUES(1,1,X'233AC929EE193F589AEC6B2A417D48685337FD3A548897C90481A"
    "D334615897D',0,NULL,0,0);"
    "INSERT INTO \"sides\" VALUES(2,0,X'444353DECB2C6D8FC1AE120EE157F8FB7E8389EE4D9F6011E1DD3"
    "FD2D534725C',0,NULL,0,0);"
    "INSERT INTO \"sides\" VALUES(2,1,X'98C2F964F573C6DF14A2D21F910E155A9E222814E1971D168CD6E"
    "09695996B43',0,NULL,0,0);"
    "CREATE TABLE tags (    tunnel INTEGER NOT NULL,    key TEXT NOT NULL,    value TEXT NOT "
    "NULL,    UNIQUE (tunnel, key)) STRICT;"
    "INSERT INTO \"tags\" VALUES(1,'site','7');"
    "CREATE TABLE tunnels (    number INTEGER PRIMARY KEY,    id TEXT NOT NULL,    key_id TEX"
    "T NOT NULL,    thing TEXT NOT NULL,    description TEXT NOT NULL,    created INTEGER NOT"
    " NULL,    updated INTEGER NOT NULL,    lifetime_minutes INTEGER NOT NULL,    expires INT"
    "EGER NOT NULL,    closed INTEGER NOT NULL) STRICT;"
    "INSERT INTO \"tunnels\" VALUES(1,'46e5eb99-ed76-4207-bec2-954aaef5c070','','plant7','the"
    " press',1796043224797,1796043224829,720,1796086424797,0);"
    "INSERT INTO \"tunnels\" VALUES(2,'6b999f3f-2c79-4e6d-8ac5-65b6897da9d5','','','',1796043"
    "224805,1796043224817,720,1796086424805,1796043224817);";

static void write_old(void)
{
    char command[192];
    snprintf(command, sizeof command, "rm -f '%s'*", database_path);
    assert_int_equal(system(command), 0);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(database_path, &db), SQLITE_OK);
    char *problem = NULL;
    if (sqlite3_exec(db, version_1, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s", problem);
    sqlite3_close(db);
}

static void must_be_the_press(void)
{
    const struct tunnel_record *t =
        registry_find(tunnels, span_of("46e5eb99-ed76-4207-bec2-954aaef5c070"));
    assert_non_null(t);
    assert_int_equal(t->number, 1);
    assert_string_equal(t->thing, "plant7");
    assert_string_equal(t->description, "the press");
    assert_int_equal(t->services.n, 2);
    assert_string_equal(t->services.items[1], "HTTP1");
    assert_int_equal(t->tags.n, 1);
    assert_string_equal(t->tags.items[0].value, "7");
    assert_int_equal(t->lifetime_minutes, 720);
    assert_int_equal(t->closed, 0);
    assert_int_equal(t->idle_ms, 0);
    t = registry_find(tunnels, span_of("6b999f3f-2c79-4e6d-8ac5-65b6897da9d5"));
    assert_non_null(t);
    assert_int_equal(t->closed, 1796043224817);
}

static void test_opens(void **state)
{
    (void)state;
    close_devices();
    write_old();
    clock_ms = 1796043230000;
    open_devices();
    must_be_the_press();
    assert_int_equal(number_in_database("PRAGMA user_version"), 3);
    assert_int_equal(count_devices(), 0);
    assert_int_equal(enrol("pump", 0, NULL), ENROL_NEW);
    reopen();
    must_be_the_press();
    assert_int_equal(count_devices(), 1);
}

/* A hub that is killed in the middle of the migration leaves the old database. */
static void test_is_one_transaction(void **state)
{
    (void)state;
    close_devices();
    write_old();
    sqlite3 *db = other_program("CREATE TABLE invitations (in_the_way INTEGER)");
    sqlite3_close(db);
    char text[512];
    enum err why;
    assert_null(registry_new(&(struct registry_options){.loop = loop, .folder = folder}, &why, text,
                             sizeof text));
    assert_non_null(strstr(text, "table invitations already exists"));
    assert_int_equal(number_in_database("PRAGMA user_version"), 1);
    assert_int_equal(
        number_in_database("SELECT count(*) FROM sqlite_schema WHERE name = 'devices'"), 0);
    sqlite3_close(other_program("DROP TABLE invitations"));
    clock_ms = 1796043230000;
    open_devices();
    must_be_the_press();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_opens),
        TEST(test_is_one_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
