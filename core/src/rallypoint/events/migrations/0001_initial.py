from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Reaction',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('plugin', fields.CharField(max_length=64)),
                ('event_id', fields.CharField(db_index=True, max_length=36)),
                ('attempts', fields.IntField(default=0)),
                ('next_at', fields.BigIntField(null=True)),
                ('error', fields.CharField(default='', max_length=500)),
                ('created_at', fields.BigIntField()),
            ],
            options={'table': 'event_reactions', 'app': 'events', 'unique_together': (('plugin', 'event_id'),), 'indexes': [Index(fields=['plugin', 'next_at', 'id']), Index(fields=['created_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StoredEvent',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('type', fields.CharField(max_length=100)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('subject', fields.CharField(max_length=200)),
                ('seq', fields.BigIntField()),
                ('topics', fields.TextField(unique=False)),
                ('body', fields.BinaryField()),
                ('actor_id', fields.CharField(null=True, max_length=36)),
                ('changes', fields.TextField(unique=False)),
                ('at', fields.BigIntField()),
                ('push_at', fields.BigIntField(null=True)),
                ('fan_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'events', 'app': 'events', 'unique_together': (('subject', 'seq'),), 'indexes': [Index(fields=['push_at']), Index(fields=['fan_at', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
