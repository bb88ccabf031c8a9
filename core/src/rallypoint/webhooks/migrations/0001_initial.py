from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Attempt',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('delivery_id', fields.CharField(db_index=True, max_length=36)),
                ('at', fields.BigIntField()),
                ('duration_ms', fields.IntField()),
                ('status', fields.IntField(null=True)),
                ('error', fields.CharField(default='', max_length=32)),
                ('reply', fields.BinaryField()),
            ],
            options={'table': 'webhook_attempts', 'app': 'webhooks', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Delivery',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('target_id', fields.CharField(max_length=36)),
                ('lane_id', fields.CharField(max_length=300)),
                ('seq', fields.BigIntField()),
                ('event_id', fields.CharField(max_length=36)),
                ('event_type', fields.CharField(max_length=100)),
                ('state', fields.CharField(default='pending', max_length=10)),
                ('attempts', fields.IntField(default=0)),
                ('replay_of', fields.CharField(null=True, max_length=36)),
                ('created_at', fields.BigIntField()),
                ('finished_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'webhook_deliveries', 'app': 'webhooks', 'unique_together': (('lane_id', 'seq'),), 'indexes': [Index(fields=['target_id', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Lane',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=300)),
                ('target_id', fields.CharField(db_index=True, max_length=36)),
                ('shard', fields.IntField()),
                ('done_seq', fields.BigIntField()),
                ('last_seq', fields.BigIntField()),
                ('attempts', fields.IntField(default=0)),
                ('next_at', fields.BigIntField()),
            ],
            options={'table': 'webhook_lanes', 'app': 'webhooks', 'indexes': [Index(fields=['shard', 'next_at', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Receipt',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('provider', fields.CharField(max_length=64)),
                ('delivery_id', fields.CharField(max_length=200)),
                ('body', fields.BinaryField()),
                ('headers', fields.TextField(unique=False)),
                ('query', fields.TextField(unique=False)),
                ('url', fields.TextField(unique=False)),
                ('state', fields.CharField(default='pending', max_length=10)),
                ('attempts', fields.IntField(default=0)),
                ('next_at', fields.BigIntField(null=True)),
                ('error', fields.CharField(default='', max_length=500)),
                ('received_at', fields.BigIntField()),
                ('handled_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'webhook_receipts', 'app': 'webhooks', 'unique_together': (('provider', 'delivery_id'),), 'indexes': [Index(fields=['provider', 'next_at', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Target',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('owner_id', fields.CharField(max_length=36)),
                ('kind', fields.CharField(max_length=32)),
                ('subject', fields.CharField(max_length=200)),
                ('url', fields.TextField(unique=False)),
                ('events', fields.TextField(null=True, unique=False)),
                ('secret', fields.TextField(unique=False)),
                ('previous_secret', fields.TextField(null=True, unique=False)),
                ('previous_until', fields.BigIntField(null=True)),
                ('state', fields.CharField(default='active', max_length=10)),
                ('reason', fields.CharField(default='', max_length=32)),
                ('failing_since', fields.BigIntField(null=True)),
                ('event_seq', fields.BigIntField(default=0)),
                ('created_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'webhook_targets', 'app': 'webhooks', 'indexes': [Index(fields=['subject', 'mode']), Index(fields=['account_id', 'mode', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
