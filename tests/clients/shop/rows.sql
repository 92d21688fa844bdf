INSERT INTO shop.buyers (name, email, mood, home, tags, born, seen, notes) VALUES
    ('Ann', 'ann@example.org', 'happy', ROW ('Main "St", 5', 7), '{a,"b c","d\"e",NULL}', '1970-02-28',
     '2024-02-29 12:34:56.789+02', '{"k": [1, 2.50, null, "x\u00e4"]}'),
    (E'Tab\tand\nline \\ back', NULL, NULL, NULL, '{{x,y},{z,w}}', '4714-11-24 BC', '-infinity', '[]'),
    ('Ünïcödé 😀', 'u@x', 'sad', ROW (NULL, NULL), '{}', 'infinity', NULL, 'null');
INSERT INTO shop.goods (code, name, price, rebate, weight, volume, active, picture, made, "Größe") VALUES
    ('T1', 'tea', 3.5, 10, 'NaN', 1e300, true, '\x00ff10', '23:59:59.999999', -32768),
    ('M2', 'milk', 0.99, NULL, '-Infinity', 0.1, false, '', '24:00', NULL),
    ('S3', 'salt', 120, 0.5, 1.5, 'Infinity', NULL, NULL, NULL, 1);
INSERT INTO shop.stock (good, place, pieces) SELECT id, place, id * 10 FROM shop.goods, (VALUES ('A01'), ('B')) p(place);
INSERT INTO shop.orders VALUES
    ('11111111-1111-1111-1111-111111111111', 1, '2024-01-02 03:04:05', 'first', NULL),
    ('22222222-2222-2222-2222-222222222222', 2, '2024-01-02 03:04:05.5', NULL, 99.90),
    ('33333333-3333-3333-3333-333333333333', NULL, 'infinity', '', 0);
INSERT INTO shop.lines SELECT o.id, 1, 1, 'A01', 2, 3.5 FROM shop.orders o;
INSERT INTO shop.lines VALUES ('11111111-1111-1111-1111-111111111111', 2, NULL, NULL, NULL, NULL);
INSERT INTO "Odd Names"."Table ""x""" VALUES (1, 'select', DEFAULT), (2, NULL, E'\\.');
INSERT INTO shop.bits VALUES
    (B'1010', B'101', '1 year -2 months 3 days -04:05:06.7', '10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '12:00+05:30', 4294967295, 'x', 'nm'),
    (NULL, B'', '-178000000 years', '::1', 'fe80::/64', NULL, '23:59:59-12', 0, NULL, NULL);
INSERT INTO shop.staff VALUES (1, NULL, 'x'), (2, 1, NULL);
SELECT nextval('shop.tickets'), nextval('shop.tickets');
