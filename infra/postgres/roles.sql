-- One login role per service: it owns its schema and cannot open another's. Run by psql as the superuser, once;
-- each password comes from the environment (FLYBALL_<SERVICE>_PASSWORD), and one that is missing ends the script.
\set ON_ERROR_STOP on
\getenv telemetry_ingest_password FLYBALL_TELEMETRY_INGEST_PASSWORD
\getenv drift_detector_password FLYBALL_DRIFT_DETECTOR_PASSWORD
\getenv budget_ledger_password FLYBALL_BUDGET_LEDGER_PASSWORD
\getenv autonomy_controller_password FLYBALL_AUTONOMY_CONTROLLER_PASSWORD
\getenv rollback_executor_password FLYBALL_ROLLBACK_EXECUTOR_PASSWORD
\getenv console_password FLYBALL_CONSOLE_PASSWORD
\getenv audit_log_password FLYBALL_AUDIT_LOG_PASSWORD
\getenv notifier_password FLYBALL_NOTIFIER_PASSWORD

BEGIN;

REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE ROLE telemetry_ingest LOGIN PASSWORD :'telemetry_ingest_password';
CREATE ROLE drift_detector LOGIN PASSWORD :'drift_detector_password';
CREATE ROLE budget_ledger LOGIN PASSWORD :'budget_ledger_password';
CREATE ROLE autonomy_controller LOGIN PASSWORD :'autonomy_controller_password';
CREATE ROLE rollback_executor LOGIN PASSWORD :'rollback_executor_password';
CREATE ROLE console LOGIN PASSWORD :'console_password';
CREATE ROLE audit_log LOGIN PASSWORD :'audit_log_password';
CREATE ROLE notifier LOGIN PASSWORD :'notifier_password';

CREATE SCHEMA telemetry_ingest AUTHORIZATION telemetry_ingest;
CREATE SCHEMA drift_detector AUTHORIZATION drift_detector;
CREATE SCHEMA budget_ledger AUTHORIZATION budget_ledger;
CREATE SCHEMA autonomy_controller AUTHORIZATION autonomy_controller;
CREATE SCHEMA rollback_executor AUTHORIZATION rollback_executor;
CREATE SCHEMA console AUTHORIZATION console;
CREATE SCHEMA audit_log AUTHORIZATION audit_log;
CREATE SCHEMA notifier AUTHORIZATION notifier;

-- CREATE too: Postgres asks for it even where CREATE SCHEMA IF NOT EXISTS, the first line of a migration, finds it.
GRANT CONNECT, CREATE ON DATABASE :"DBNAME" TO telemetry_ingest, drift_detector, budget_ledger, autonomy_controller, rollback_executor, console, audit_log, notifier;

COMMIT;
