from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='ScheduledRun',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=200)),
                ('plugin', fields.CharField(max_length=64)),
                ('task', fields.CharField(max_length=64)),
                ('connection_id', fields.CharField(default='', max_length=36)),
                ('next_at', fields.BigIntField(null=True)),
                ('claimed_until', fields.BigIntField(default=0)),
                ('fence', fields.BigIntField(default=0)),
                ('failures', fields.IntField(default=0)),
                ('last_error', fields.CharField(default='', max_length=300)),
                ('last_started_at', fields.BigIntField(null=True)),
                ('last_finished_at', fields.BigIntField(null=True)),
                ('last_success_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'scheduled_runs', 'app': 'jobs', 'indexes': [Index(fields=['plugin', 'task', 'next_at']), Index(fields=['connection_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
