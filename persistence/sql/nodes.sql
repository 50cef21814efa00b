-- name: register_node
-- Gives a starting process an id of its own.
insert into nodes (name, registered_at, lease_until)
values ($1, now(), now() + make_interval(secs => $2))
returning node_id;

-- name: renew_node
-- Extends a node's lease.
update nodes
set lease_until = now() + make_interval(secs => $2)
where node_id = $1;

-- name: forget_dead_nodes
-- Deletes nodes that have been gone for a day and left nothing in the outbox.
delete from nodes n
where n.lease_until < now() - interval '1 day'
  and not exists (select from outbox o where o.node_id = n.node_id);

-- name: hold_lease
-- Takes a lease that is free or lapsed, or extends one's own.
insert into leases (name, node_id, lease_until)
values ($1, $2, now() + make_interval(secs => $3))
on conflict (name) do update
    set node_id = excluded.node_id, lease_until = excluded.lease_until
    where leases.node_id = excluded.node_id or leases.lease_until < now();

-- name: end_node_lease
-- Tells the others that a node is gone.
update nodes set lease_until = now() where node_id = $1;

-- name: end_named_leases
-- Gives up all the leases of a node.
delete from leases where node_id = $1;
