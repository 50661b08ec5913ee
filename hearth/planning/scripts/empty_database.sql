-- Drops every relation and type outside of the system's schemas, but those of extensions.
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT format('%I.%I', schema.nspname, class.relname) AS name,
      CASE class.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
        AS kind
    FROM pg_class AS class
    JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND schema.nspname <> 'information_schema' AND schema.nspname NOT LIKE 'pg\_%'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = class.oid AND deptype IN ('e', 'i'))
  LOOP
    EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
  END LOOP;
  FOR found IN
    SELECT format('%I.%I', schema.nspname, type.typname) AS name
    FROM pg_type AS type
    JOIN pg_namespace AS schema ON schema.oid = type.typnamespace
    WHERE type.typtype IN ('e', 'd')
      AND schema.nspname <> 'information_schema' AND schema.nspname NOT LIKE 'pg\_%'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = type.oid AND deptype = 'e')
  LOOP
    EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', found.name);
  END LOOP;
END
$$;
