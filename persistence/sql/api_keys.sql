-- name: active_keys
-- Keys that can be used, up to a number, with the seconds they still can.
select key_id, digest, tenant_id, scopes,
       extract(epoch from expires_at - now())::double precision,
       rate_per_second, burst
from api_keys
where revoked_at is null and (expires_at is null or expires_at > now())
order by key_id
limit $1;

-- name: create_key
-- A new key, unless too many can be used already; gives it back as it is kept.
insert into api_keys (key_id, digest, tenant_id, scopes, name,
                      rate_per_second, burst, created_at, expires_at)
select $1, $2, $3, $4::text[], $5, $6::double precision, $7::integer, now(),
       now() + make_interval(secs => $8::double precision)
where (select count(*)
       from (select from api_keys
             where revoked_at is null and (expires_at is null or expires_at > now())
             limit $9) active) < $9
returning key_id, name, tenant_id, scopes, rate_per_second, burst,
          created_at, expires_at, revoked_at;

-- name: list_keys
-- Every key behind an id, revoked and expired ones too, by id.
select key_id, name, tenant_id, scopes, rate_per_second, burst,
       created_at, expires_at, revoked_at
from api_keys
where key_id > $1
order by key_id
limit $2;

-- name: revoke_key
-- The key, revoked; one that already was keeps its time.
update api_keys
set revoked_at = coalesce(revoked_at, now())
where key_id = $1
returning key_id, name, tenant_id, scopes, rate_per_second, burst,
          created_at, expires_at, revoked_at;
