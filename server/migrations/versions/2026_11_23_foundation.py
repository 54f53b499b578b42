# ruff: noqa: E501 (conditions stand on one line, as the tables say them)
"""The foundation: every table of the first release.

Written by `python -m server.migrations.foundation`; change the tables, not this file.
"""

from __future__ import annotations

from alembic import op

revision = "foundation"
down_revision = None
branch_labels = None
depends_on = None

TABLES: dict[str, str] = {
    "order_number_seq": r"""
CREATE SEQUENCE order_number_seq START WITH 1001;
""",
    "api_key": r"""
CREATE TABLE api_key (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL,
    roles TEXT[] NOT NULL,
    scopes TEXT[],
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_hash_key UNIQUE (hash)
);
""",
    "attachment": r"""
CREATE TABLE attachment (
    sha256 TEXT NOT NULL,
    node TEXT NOT NULL,
    type TEXT NOT NULL,
    size BIGINT NOT NULL,
    device TEXT NOT NULL,
    named_at TIMESTAMP WITH TIME ZONE NOT NULL,
    whole_at TIMESTAMP WITH TIME ZONE,
    content BYTEA,
    CONSTRAINT attachment_pkey PRIMARY KEY (sha256, node)
);
CREATE INDEX attachment_missing_idx ON attachment (named_at) WHERE whole_at IS NULL;
""",
    "attachment_piece": r"""
CREATE TABLE attachment_piece (
    sha256 TEXT NOT NULL,
    device TEXT NOT NULL,
    start BIGINT NOT NULL,
    content BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT attachment_piece_pkey PRIMARY KEY (sha256, device, start)
);
""",
    "audit": r"""
CREATE TABLE audit (
    stream TEXT NOT NULL,
    n BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail JSONB NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (stream, n)
);
""",
    "channel": r"""
CREATE TABLE channel (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    remorse_minutes BIGINT DEFAULT '0' NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT channel_pkey PRIMARY KEY (code)
);
""",
    "channel_node": r"""
CREATE TABLE channel_node (
    channel TEXT NOT NULL,
    node TEXT NOT NULL,
    threshold BIGINT NOT NULL,
    CONSTRAINT channel_node_pkey PRIMARY KEY (channel, node)
);
CREATE INDEX channel_node_node_idx ON channel_node (node);
""",
    "command_log": r"""
CREATE TABLE command_log (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome JSONB,
    CONSTRAINT command_log_pkey PRIMARY KEY (scope, key)
);
""",
    "customer_order": r"""
CREATE TABLE customer_order (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    channel TEXT NOT NULL,
    external_id TEXT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    method TEXT NOT NULL,
    node TEXT,
    customer JSONB NOT NULL,
    ship_to JSONB,
    wanted_by TIMESTAMP WITH TIME ZONE,
    search TEXT NOT NULL,
    currency TEXT NOT NULL,
    shipping BIGINT NOT NULL,
    total BIGINT NOT NULL,
    payment_kind TEXT NOT NULL,
    payment_reference TEXT NOT NULL,
    payment_token TEXT,
    authorised BIGINT DEFAULT '0' NOT NULL,
    captured BIGINT DEFAULT '0' NOT NULL,
    refunded BIGINT DEFAULT '0' NOT NULL,
    released BIGINT DEFAULT '0' NOT NULL,
    status TEXT NOT NULL,
    jobs_open BIGINT DEFAULT '0' NOT NULL,
    in_work BOOLEAN DEFAULT 'false' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT customer_order_pkey PRIMARY KEY (id),
    CONSTRAINT customer_order_money_in_bounds_check CHECK (captured <= authorised AND refunded <= captured),
    CONSTRAINT customer_order_money_positive_check CHECK (authorised >= 0 AND captured >= 0 AND refunded >= 0 AND released >= 0)
);
CREATE INDEX customer_order_number_idx ON customer_order (number);
CREATE INDEX customer_order_open_idx ON customer_order (status, id) WHERE status NOT IN ('completed', 'cancelled');
CREATE INDEX customer_order_placed_at_id_idx ON customer_order (placed_at, id);
""",
    "device": r"""
CREATE TABLE device (
    id TEXT NOT NULL,
    node TEXT NOT NULL,
    name TEXT NOT NULL,
    platform TEXT DEFAULT '' NOT NULL,
    version TEXT DEFAULT '' NOT NULL,
    token_hash TEXT NOT NULL,
    enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    returned_at TIMESTAMP WITH TIME ZONE,
    last_n BIGINT DEFAULT '0' NOT NULL,
    settled_n BIGINT DEFAULT '0' NOT NULL,
    queue_length BIGINT DEFAULT '0' NOT NULL,
    queue_age_s BIGINT DEFAULT '0' NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT device_pkey PRIMARY KEY (id),
    CONSTRAINT device_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX device_node_idx ON device (node);
""",
    "device_command": r"""
CREATE TABLE device_command (
    device TEXT NOT NULL,
    n BIGINT NOT NULL,
    id UUID NOT NULL,
    fingerprint TEXT NOT NULL,
    actor TEXT NOT NULL,
    body JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome JSONB NOT NULL,
    CONSTRAINT device_command_pkey PRIMARY KEY (device, n)
);
""",
    "enrolment_code": r"""
CREATE TABLE enrolment_code (
    code_hash TEXT NOT NULL,
    node TEXT NOT NULL,
    made_by TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT enrolment_code_pkey PRIMARY KEY (code_hash)
);
""",
    "event": r"""
CREATE TABLE event (
    id UUID NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    order_id UUID,
    node TEXT,
    actor TEXT,
    body JSONB NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (id)
)
 PARTITION BY RANGE (id);
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE INDEX event_order_id_idx ON event (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX event_seq_idx ON event (seq);
""",
    "expected_item": r"""
CREATE TABLE expected_item (
    sku TEXT NOT NULL,
    expected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT NOT NULL,
    by TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT expected_item_pkey PRIMARY KEY (sku)
);
""",
    "feed": r"""
CREATE TABLE feed (
    stream TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    doc_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT,
    origin JSONB,
    ends BOOLEAN NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT feed_pkey PRIMARY KEY (stream, seq)
);
""",
    "feed_head": r"""
CREATE TABLE feed_head (
    stream TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    first_seq BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT feed_head_pkey PRIMARY KEY (stream)
);
""",
    "fulfilment": r"""
CREATE TABLE fulfilment (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    number TEXT NOT NULL,
    node TEXT NOT NULL,
    method TEXT NOT NULL,
    state TEXT NOT NULL,
    final BOOLEAN DEFAULT 'false' NOT NULL,
    version BIGINT NOT NULL,
    offered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    work_day DATE,
    due_at TIMESTAMP WITH TIME ZONE,
    accept_by TIMESTAMP WITH TIME ZONE,
    pick_by TIMESTAMP WITH TIME ZONE,
    pack_by TIMESTAMP WITH TIME ZONE,
    warned_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    locator TEXT,
    doc JSONB NOT NULL,
    CONSTRAINT fulfilment_pkey PRIMARY KEY (id)
);
CREATE INDEX fulfilment_due_idx ON fulfilment (due_at) WHERE NOT final;
CREATE INDEX fulfilment_expiry_idx ON fulfilment (expires_at) WHERE NOT final AND expires_at IS NOT NULL;
CREATE INDEX fulfilment_locator_idx ON fulfilment (locator);
CREATE INDEX fulfilment_node_order_id_idx ON fulfilment (node, order_id);
CREATE INDEX fulfilment_open_idx ON fulfilment (node, due_at) WHERE NOT final;
CREATE INDEX fulfilment_order_id_idx ON fulfilment (order_id);
CREATE INDEX fulfilment_risk_idx ON fulfilment (accept_by) WHERE NOT final AND warned_at IS NULL;
""",
    "fulfilment_exception": r"""
CREATE TABLE fulfilment_exception (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    order_id UUID,
    fulfilment_id UUID,
    order_number TEXT,
    values JSONB NOT NULL,
    lines JSONB DEFAULT '[]' NOT NULL,
    owner_role TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_by TEXT,
    device TEXT,
    due_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    resolution TEXT,
    note TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT fulfilment_exception_pkey PRIMARY KEY (id)
);
CREATE INDEX fulfilment_exception_job_idx ON fulfilment_exception (fulfilment_id, kind);
CREATE INDEX fulfilment_exception_open_idx ON fulfilment_exception (node) WHERE settled_at IS NULL;
""",
    "hand_off_proof": r"""
CREATE TABLE hand_off_proof (
    id UUID NOT NULL,
    fulfilment_id UUID NOT NULL,
    node TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    device TEXT,
    method TEXT NOT NULL,
    collector TEXT,
    proxy BOOLEAN NOT NULL,
    signature JSONB,
    photo TEXT,
    CONSTRAINT hand_off_proof_pkey PRIMARY KEY (id)
);
CREATE INDEX hand_off_proof_fulfilment_id_idx ON hand_off_proof (fulfilment_id);
""",
    "installation": r"""
CREATE TABLE installation (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT installation_pkey PRIMARY KEY (name)
);
""",
    "item": r"""
CREATE TABLE item (
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    style TEXT,
    variant TEXT NOT NULL,
    category TEXT NOT NULL,
    department TEXT NOT NULL,
    brand TEXT NOT NULL,
    price BIGINT,
    currency TEXT NOT NULL,
    weight_grams BIGINT,
    dimensions JSONB,
    flags JSONB NOT NULL,
    min_age BIGINT,
    substitutes JSONB NOT NULL,
    picture TEXT,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    words TEXT NOT NULL,
    found_by TSVECTOR GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED NOT NULL,
    CONSTRAINT item_pkey PRIMARY KEY (sku)
);
CREATE INDEX item_found_by_idx ON item USING gin (found_by);
CREATE INDEX item_name_sku_idx ON item (name, sku);
CREATE INDEX item_style_idx ON item (style) WHERE style IS NOT NULL;
""",
    "message": r"""
CREATE TABLE message (
    id UUID NOT NULL,
    dedupe_key TEXT NOT NULL,
    order_id UUID NOT NULL,
    fulfilment_id UUID,
    kind TEXT NOT NULL,
    to_address TEXT NOT NULL,
    language TEXT NOT NULL,
    values JSONB NOT NULL,
    subject TEXT,
    body_text TEXT,
    body_html TEXT,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    CONSTRAINT message_pkey PRIMARY KEY (id),
    CONSTRAINT message_dedupe_key_key UNIQUE (dedupe_key)
);
CREATE INDEX message_due_idx ON message (next_try_at) WHERE state = 'waiting';
CREATE INDEX message_order_id_idx ON message (order_id);
""",
    "money_entry": r"""
CREATE TABLE money_entry (
    id UUID NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    order_id UUID NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    state TEXT NOT NULL,
    fulfilment_id UUID,
    lines JSONB NOT NULL,
    reason TEXT,
    reference TEXT,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT money_entry_pkey PRIMARY KEY (id),
    CONSTRAINT money_entry_amount_not_negative_check CHECK (amount >= 0)
);
CREATE INDEX money_entry_open_idx ON money_entry (id) WHERE state = 'wanted';
CREATE INDEX money_entry_order_id_idx ON money_entry (order_id);
""",
    "node": r"""
CREATE TABLE node (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    address JSONB NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    hours JSONB NOT NULL,
    holidays JSONB NOT NULL,
    special_days JSONB DEFAULT '[]' NOT NULL,
    cutoff TEXT,
    collections JSONB DEFAULT '[]' NOT NULL,
    capacity_per_day BIGINT,
    capacity_by_weekday JSONB,
    capacity_by_method JSONB DEFAULT '{}' NOT NULL,
    capabilities JSONB NOT NULL,
    safety_stock BIGINT NOT NULL,
    routing_buffer BIGINT NOT NULL,
    staging JSONB NOT NULL,
    bays JSONB NOT NULL,
    proof TEXT DEFAULT 'none' NOT NULL,
    version BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT node_pkey PRIMARY KEY (code)
);
""",
    "node_day": r"""
CREATE TABLE node_day (
    day DATE NOT NULL,
    node TEXT NOT NULL,
    ship BIGINT NOT NULL,
    pickup BIGINT NOT NULL,
    curbside BIGINT NOT NULL,
    capacity BIGINT,
    capacity_ship BIGINT,
    capacity_pickup BIGINT,
    capacity_curbside BIGINT,
    CONSTRAINT node_day_pkey PRIMARY KEY (day, node),
    CONSTRAINT node_day_jobs_not_negative_check CHECK (ship >= 0 AND pickup >= 0 AND curbside >= 0)
);
""",
    "node_off": r"""
CREATE TABLE node_off (
    node TEXT NOT NULL,
    method TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    by TEXT NOT NULL,
    CONSTRAINT node_off_pkey PRIMARY KEY (node, method)
);
""",
    "order_hold": r"""
CREATE TABLE order_hold (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    assignee TEXT,
    assignee_name TEXT,
    note TEXT DEFAULT '' NOT NULL,
    alerted_at TIMESTAMP WITH TIME ZONE,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolution TEXT,
    resolved_by TEXT,
    CONSTRAINT order_hold_pkey PRIMARY KEY (id)
);
CREATE INDEX order_hold_due_idx ON order_hold (due_at) WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX order_hold_once_idx ON order_hold (order_id, kind) WHERE resolved_at IS NULL AND kind <> 'manual';
CREATE INDEX order_hold_open_idx ON order_hold (id) WHERE resolved_at IS NULL;
CREATE INDEX order_hold_order_id_idx ON order_hold (order_id);
""",
    "order_key": r"""
CREATE TABLE order_key (
    channel TEXT NOT NULL,
    external_id TEXT NOT NULL,
    order_id UUID NOT NULL,
    number TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    CONSTRAINT order_key_pkey PRIMARY KEY (channel, external_id)
);
""",
    "order_line": r"""
CREATE TABLE order_line (
    order_id UUID NOT NULL,
    line BIGINT NOT NULL,
    sku TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    unit_price BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    tax BIGINT NOT NULL,
    total BIGINT NOT NULL,
    held BIGINT DEFAULT '0' NOT NULL,
    routing BIGINT DEFAULT '0' NOT NULL,
    backordered BIGINT DEFAULT '0' NOT NULL,
    allocated BIGINT DEFAULT '0' NOT NULL,
    fulfilled BIGINT DEFAULT '0' NOT NULL,
    cancelled BIGINT DEFAULT '0' NOT NULL,
    replaced BIGINT DEFAULT '0' NOT NULL,
    substitutes JSONB NOT NULL,
    replaces BIGINT,
    promised_at TIMESTAMP WITH TIME ZONE,
    backordered_at TIMESTAMP WITH TIME ZONE,
    owed BIGINT NOT NULL,
    spare BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT order_line_pkey PRIMARY KEY (order_id, line),
    CONSTRAINT order_line_units_conserved_check CHECK (quantity = held + routing + backordered + allocated + fulfilled + cancelled + replaced),
    CONSTRAINT order_line_units_not_negative_check CHECK (held >= 0 AND routing >= 0 AND backordered >= 0 AND allocated >= 0 AND fulfilled >= 0 AND cancelled >= 0 AND replaced >= 0),
    CONSTRAINT order_line_dues_not_negative_check CHECK (owed >= 0 AND spare >= 0)
);
CREATE INDEX order_line_waiting_idx ON order_line (sku) WHERE held > 0 OR routing > 0 OR backordered > 0;
""",
    "outbox": r"""
CREATE TABLE outbox (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    answer TEXT NOT NULL,
    kind TEXT NOT NULL,
    body JSONB NOT NULL,
    order_id UUID,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    attempts BIGINT DEFAULT '0' NOT NULL,
    error TEXT,
    dead BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (seq)
);
CREATE INDEX outbox_due_idx ON outbox (next_try_at) WHERE NOT dead;
CREATE INDEX outbox_order_id_seq_idx ON outbox (order_id, seq);
""",
    "person": r"""
CREATE TABLE person (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    roles TEXT[] NOT NULL,
    nodes TEXT[] NOT NULL,
    left_nodes TEXT[] DEFAULT '{}' NOT NULL,
    language TEXT DEFAULT 'en' NOT NULL,
    badge_hash TEXT,
    pin_verifier TEXT,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT person_pkey PRIMARY KEY (id),
    CONSTRAINT person_badge_hash_key UNIQUE (badge_hash)
);
CREATE INDEX person_name_id_idx ON person (name, id);
CREATE INDEX person_nodes_idx ON person USING gin (nodes);
""",
    "person_session": r"""
CREATE TABLE person_session (
    token_hash TEXT NOT NULL,
    person UUID NOT NULL,
    device TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT person_session_pkey PRIMARY KEY (token_hash)
);
CREATE INDEX person_session_device_idx ON person_session (device);
CREATE INDEX person_session_person_idx ON person_session (person);
""",
    "pin_try": r"""
CREATE TABLE pin_try (
    person UUID NOT NULL,
    device TEXT NOT NULL,
    failed BIGINT NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pin_try_pkey PRIMARY KEY (person, device)
);
""",
    "quarantine": r"""
CREATE TABLE quarantine (
    device TEXT NOT NULL,
    n BIGINT NOT NULL,
    id UUID NOT NULL,
    actor TEXT NOT NULL,
    version BIGINT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    body JSONB NOT NULL,
    CONSTRAINT quarantine_pkey PRIMARY KEY (device, n, id)
);
""",
    "reservation": r"""
CREATE TABLE reservation (
    id UUID NOT NULL,
    sku TEXT NOT NULL,
    node TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    order_id UUID,
    fulfilment_id UUID,
    line BIGINT,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    ended TEXT,
    CONSTRAINT reservation_pkey PRIMARY KEY (id),
    CONSTRAINT reservation_quantity_not_negative_check CHECK (quantity >= 0)
);
CREATE INDEX reservation_expiry_idx ON reservation (expires_at) WHERE quantity > 0 AND expires_at IS NOT NULL;
CREATE INDEX reservation_fulfilment_idx ON reservation (fulfilment_id, line) WHERE fulfilment_id IS NOT NULL;
CREATE INDEX reservation_live_position_idx ON reservation (sku, node) WHERE quantity > 0;
""",
    "routing_decision": r"""
CREATE TABLE routing_decision (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    plan TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT routing_decision_pkey PRIMARY KEY (id)
);
CREATE INDEX routing_decision_order_id_idx ON routing_decision (order_id);
""",
    "routing_plan": r"""
CREATE TABLE routing_plan (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    revision BIGINT NOT NULL,
    body JSONB NOT NULL,
    note TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by TEXT,
    changed_at TIMESTAMP WITH TIME ZONE,
    activated_by TEXT,
    activated_at TIMESTAMP WITH TIME ZONE,
    archived_by TEXT,
    archived_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT routing_plan_pkey PRIMARY KEY (id),
    CONSTRAINT routing_plan_name_version_key UNIQUE (name, version),
    CONSTRAINT routing_plan_status_known_check CHECK (status IN ('draft', 'active', 'archived'))
);
CREATE UNIQUE INDEX routing_plan_active_idx ON routing_plan (status) WHERE status = 'active';
""",
    "routing_refusal": r"""
CREATE TABLE routing_refusal (
    order_id UUID NOT NULL,
    line BIGINT NOT NULL,
    node TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT routing_refusal_pkey PRIMARY KEY (order_id, line, node)
);
""",
    "routing_wait": r"""
CREATE TABLE routing_wait (
    order_id UUID NOT NULL,
    line BIGINT NOT NULL,
    queue TEXT NOT NULL,
    plan TEXT NOT NULL,
    version BIGINT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    cancel_at TIMESTAMP WITH TIME ZONE,
    alerted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT routing_wait_pkey PRIMARY KEY (order_id, line)
);
CREATE INDEX routing_wait_cancel_idx ON routing_wait (cancel_at) WHERE cancel_at IS NOT NULL;
CREATE INDEX routing_wait_queue_since_idx ON routing_wait (queue, since);
CREATE INDEX routing_wait_tried_idx ON routing_wait (tried_at);
""",
    "shelf_move": r"""
CREATE TABLE shelf_move (
    id UUID NOT NULL,
    sku TEXT NOT NULL,
    node TEXT NOT NULL,
    in_hand BIGINT NOT NULL,
    shelf BIGINT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    device TEXT,
    reference TEXT,
    CONSTRAINT shelf_move_pkey PRIMARY KEY (id)
)
 PARTITION BY RANGE (id);
CREATE TABLE shelf_move_default PARTITION OF shelf_move DEFAULT;
CREATE INDEX shelf_move_sku_node_happened_at_idx ON shelf_move (sku, node, happened_at);
""",
    "stock_count": r"""
CREATE TABLE stock_count (
    id UUID NOT NULL,
    sku TEXT NOT NULL,
    node TEXT NOT NULL,
    units BIGINT NOT NULL,
    bin TEXT,
    session TEXT,
    mode TEXT NOT NULL,
    delta BIGINT NOT NULL,
    overtaken BOOLEAN NOT NULL,
    actor TEXT NOT NULL,
    device TEXT,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT stock_count_pkey PRIMARY KEY (id)
);
CREATE INDEX stock_count_sku_node_idx ON stock_count (sku, node);
""",
    "stock_movement": r"""
CREATE TABLE stock_movement (
    id UUID NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    sku TEXT NOT NULL,
    node TEXT NOT NULL,
    bucket TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    reason TEXT NOT NULL,
    reference TEXT,
    actor TEXT,
    device TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT stock_movement_pkey PRIMARY KEY (id)
)
 PARTITION BY RANGE (id);
CREATE TABLE stock_movement_default PARTITION OF stock_movement DEFAULT;
CREATE INDEX stock_movement_sku_node_idx ON stock_movement (sku, node);
""",
    "stock_position": r"""
CREATE TABLE stock_position (
    sku TEXT NOT NULL,
    node TEXT NOT NULL,
    sellable BIGINT DEFAULT '0' NOT NULL,
    damaged BIGINT DEFAULT '0' NOT NULL,
    quality_hold BIGINT DEFAULT '0' NOT NULL,
    display BIGINT DEFAULT '0' NOT NULL,
    reserved BIGINT DEFAULT '0' NOT NULL,
    safety_stock BIGINT DEFAULT '0' NOT NULL,
    doubt BIGINT DEFAULT '0' NOT NULL,
    bin TEXT,
    walk BIGINT DEFAULT '0' NOT NULL,
    count_id UUID,
    counted_at TIMESTAMP WITH TIME ZONE,
    counted_on TEXT,
    fed_at TIMESTAMP WITH TIME ZONE,
    fed_units BIGINT,
    fed_by TEXT,
    moved_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT stock_position_pkey PRIMARY KEY (sku, node),
    CONSTRAINT stock_position_reserved_not_negative_check CHECK (reserved >= 0),
    CONSTRAINT stock_position_buckets_not_negative_check CHECK (damaged >= 0 AND quality_hold >= 0 AND display >= 0)
);
CREATE INDEX stock_position_node_idx ON stock_position (node);
""",
    "stock_received": r"""
CREATE TABLE stock_received (
    node TEXT NOT NULL,
    document TEXT NOT NULL,
    line BIGINT NOT NULL,
    sku TEXT NOT NULL,
    device TEXT NOT NULL,
    good BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    actor TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT stock_received_pkey PRIMARY KEY (node, document, line, sku, device)
);
CREATE INDEX stock_received_node_changed_at_idx ON stock_received (node, changed_at);
""",
    "sync_epoch": r"""
CREATE TABLE sync_epoch (
    epoch BIGINT NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT sync_epoch_pkey PRIMARY KEY (epoch)
);
""",
    "test_gateway_entry": r"""
CREATE TABLE test_gateway_entry (
    key UUID NOT NULL,
    kind TEXT NOT NULL,
    authorisation TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    ok BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT test_gateway_entry_pkey PRIMARY KEY (key)
);
CREATE INDEX test_gateway_entry_authorisation_idx ON test_gateway_entry (authorisation);
""",
    "barcode": r"""
CREATE TABLE barcode (
    code TEXT NOT NULL,
    sku TEXT NOT NULL,
    CONSTRAINT barcode_pkey PRIMARY KEY (code),
    CONSTRAINT barcode_sku_fkey FOREIGN KEY(sku) REFERENCES item (sku) ON DELETE CASCADE
);
CREATE INDEX barcode_sku_idx ON barcode (sku);
""",
}


def upgrade() -> None:
    connection = op.get_bind().execution_options(no_parameters=True)
    for statements in TABLES.values():
        connection.exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the foundation: restore a backup, or make a new database.")
